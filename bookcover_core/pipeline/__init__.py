"""How a study runs: its folder, its stages, what each depends on, and the manifests that say what was done."""
