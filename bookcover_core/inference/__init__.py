"""The verdict on any cover: a trained network of a study, asked for the genre of covers that people bring."""
