"""Settings read from TOML, with single settings laid over them."""

from pathlib import Path

import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import load_settings, named_study, parse_settings, to_toml


def write(folder, text):
    file = folder / "study.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_and_settings_over_it(tmp_path):
    """What the file says wins over the defaults, and what is laid over it wins over the file."""
    file = write(tmp_path, 'name = "mine"\n[training]\nepochs = 7\npatience = 3\n')
    settings = load_settings(
        file, ["training.epochs=50", 'training.backbones=["MobileNetV2"]', "books.folder=~/covers"]
    )
    assert (settings.name, settings.training.epochs, settings.training.patience) == ("mine", 50, 3)
    assert settings.training.backbones == ("MobileNetV2",)
    assert settings.books.folder == "~/covers"


def test_nothing_given_is_the_dissertation():
    """Without file and settings there are the defaults."""
    assert load_settings() == StudySettings()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "training.epoch: there is no such setting"),
        ("trainings.epochs=3", "trainings: there is no such setting"),
        ("training.epochs=0", "training.epochs: .*greater than or equal to 1.*given: 0"),
        ("training.epochs=many", 'training.epochs: .*given: "many"'),
        ("name.first=x", "name"),
        ("training.epochs", "not of the form"),
        ("=3", "not of the form"),
    ],
)
def test_what_is_wrong_is_named(override, message):
    """An unknown or impossible setting is named, with what was given."""
    with pytest.raises(SettingsError, match=message):
        load_settings(None, [override])


def test_what_is_wrong_within_a_setting_is_said_once():
    """Not again of the setting that is wrong for it."""
    with pytest.raises(SettingsError) as caught:
        load_settings(None, ['preparation.methods=["NoPrep"]'])
    assert caught.value.what.count("preparation.methods") == 1
    assert "preparation.methods.0: it should be 'noprep'" in caught.value.what


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.backbones=LeNet", 'a list is expected, in brackets: ["LeNet"] (given: "LeNet")'),
        ("books.chunks=1", "a list is expected, in brackets: [1] (given: 1)"),
        ("models.weight_files=3", 'a table is expected, such as { name = "value" } (given: 3)'),
        ("training=3", "a section of settings is expected (given: 3)"),
        ("splits.by_title=3", "true or false is expected (given: 3)"),
        ("training.epochs=1.5", "a whole number is expected (given: 1.5)"),
        ("training.learning_rate=much", 'a number is expected (given: "much")'),
        ("name=3", "text is expected, in quotes (given: 3)"),
        ("search.learning_rate=[1]", "a value is missing (given: [1])"),
        ("search.learning_rate=[1, 2, 3]", "at most 2 values are expected, not 3 (given: [1, 2, 3])"),
        ("covers.source=disk", "it should be 'http', 'folder' or 'archive'"),
        ("models.engine=cuda", "models.engine: it should be 'auto', 'tensorflow' or 'openvino' (given: \"cuda\")"),
        ("training.backbones=[]", "training.backbones: at least one value is expected (given: [])"),
        ('books.columns={genre="x"}', "books.columns.genre: it should be 'asin', 'filename'"),
    ],
)
def test_what_is_expected_is_said_in_plain_words(override, message):
    """No word of Python's or of its libraries' reaches a person."""
    with pytest.raises(SettingsError) as caught:
        load_settings(None, [override])
    assert message in caught.value.what
    assert "Input" not in caught.value.what
    assert "valid" not in caught.value.what


@pytest.mark.parametrize(
    "override",
    [
        'training.backbones=["LeNet", "LeNet"]',
        'ensemble.members=["LeNet", "Title", "LeNet"]',
        'text.systems=["Title", "Title"]',
        'preparation.methods=["padded", "padded"]',
        'models.encoders=[{name="A", file="a.onnx", size=64}, {name="A", file="b.onnx", size=64}]',
        "repeats.shares=[0.1234567, 0.1234568]",
    ],
)
def test_a_list_names_each_thing_once(override):
    """What is named twice would be made, shown and compared twice, or stand for two things."""
    with pytest.raises(SettingsError, match="twice"):
        load_settings(None, [override])


def test_numbers_may_stand_twice():
    """Two hidden layers may have as many units; one that is drawn from may be drawn twice as often."""
    found = load_settings(None, ["head.hidden_units=[64, 64]", "search.batch_size=[32, 32, 64]"])
    assert (found.head.hidden_units, found.search.batch_size) == ((64, 64), (32, 32, 64))


def test_what_an_override_breaks_is_not_said_of_the_file(tmp_path):
    """The override is named, of several the one that is at fault; the file only for what is wrong in it."""

    def blamed(text: str, *overrides: str) -> str | None:
        with pytest.raises(SettingsError) as caught:
            load_settings(write(tmp_path, text), overrides)
        return caught.value.where

    file = str(write(tmp_path, ""))
    assert blamed("", "training.epochs=0", "seed=3") == "training.epochs=0"
    assert blamed("[training]\nepochs = 0\n", "seed=3") == file
    assert blamed("[training]\nepochs = 0\n", "seed=-3") == f"{file} and seed=-3"
    # A check of several settings together: either may have broken it.
    assert blamed('[books]\nfolder = "x"\n', "books.source=listing", "seed=3") == "books.source=listing"


def test_all_faults_are_named_at_once(tmp_path):
    """Two faults in a file are told together, with the file."""
    file = write(tmp_path, '[training]\nepochs = 0\n[covers]\nsauce = "http"\n')
    with pytest.raises(
        SettingsError, match=r"training\.epochs.*covers\.sauce|covers\.sauce.*training\.epochs"
    ) as caught:
        load_settings(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("text", ["name = mine", "[training", 'name = "a"\nname = "b"'])
def test_what_is_not_toml_is_told(tmp_path, text):
    """A file that is not TOML is named with what is wrong in it."""
    with pytest.raises(SettingsError, match="not TOML"):
        load_settings(write(tmp_path, text))


def test_missing_and_undecodable_files_are_told(tmp_path):
    """A file that is not there, or not text, is named."""
    with pytest.raises(SettingsError, match=r"none\.toml: the settings cannot be read"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not TOML"):
        load_settings(tmp_path / "bytes.toml")


def test_a_setting_over_a_single_value_is_refused(tmp_path):
    """A setting laid below what is no group is refused by name."""
    with pytest.raises(SettingsError, match="'name' is no group"):
        load_settings(write(tmp_path, 'name = "x"'), ["name.first=y"])


@pytest.mark.parametrize(
    "values",
    [
        {"workspace": "/studies"},
        {
            "name": "ünusual"[1:],
            "workspace": "~/studies",
            "books": {"chunks": [1, 2], "groups": '/a "file"\\.csv'},
            "models": {"weight_files": {"A": "/b"}},
        },
    ],
)
def test_written_settings_are_read_again(tmp_path, values):
    """The TOML that explains every setting gives the same settings back."""
    settings = parse_settings(values)
    text = to_toml(settings)
    assert "# Epochs at most." in text
    assert load_settings(write(tmp_path, text)) == settings


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A settings file that names files and folders, in a folder that is not the current one."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("BOOKCOVER_HOME", raising=False)
    (tmp_path / "mine").mkdir()
    return write(
        tmp_path / "mine",
        'name = "mine"\n[books]\nsource = "folder"\nfolder = "covers"\ngroups = "/srv/groups.csv"\n'
        '[covers]\nlocation = "~/covers.zip"\n[models]\nweight_files = { VGG16 = "../vgg.h5" }\n',
    )


def test_relative_paths_in_a_file_begin_at_its_folder(mine, tmp_path):
    """The same study, from wherever it is run; addresses and absolute paths stay as they are."""
    settings = load_settings(mine, ["books.listing=list.csv", "training.epochs=3"])
    assert settings.root == tmp_path / "mine" / "data" / "studies" / "mine"
    assert settings.books.folder == str(tmp_path / "mine" / "covers")
    assert (settings.books.groups, settings.covers.location) == ("/srv/groups.csv", "~/covers.zip")
    assert settings.models.weight_files == {"VGG16": str(tmp_path / "vgg.h5")}
    assert settings.books.train_listing == StudySettings().books.train_listing
    assert settings.books.listing == str(tmp_path / "elsewhere" / "list.csv"), "what is typed begins where it is typed"


def test_the_home_goes_before_the_file_for_studies_alone(mine, tmp_path, monkeypatch):
    """BOOKCOVER_HOME says where studies lie, unless the file names another folder than the default."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path / "home"))
    assert load_settings(mine).root == tmp_path / "home" / "data" / "studies" / "mine"
    assert load_settings(mine).books.folder == str(tmp_path / "mine" / "covers")
    assert load_settings().root == tmp_path / "home" / "data" / "studies" / "bookcover30"
    printed = write(tmp_path, to_toml(StudySettings()))
    assert load_settings(printed).root == load_settings().root
    named = write(tmp_path, 'workspace = "studies"')
    assert load_settings(named).root == tmp_path / "studies" / "bookcover30"


def test_a_byte_order_mark_is_passed_over(tmp_path):
    """Editors of Windows put one before the text."""
    (tmp_path / "study.toml").write_text('name = "mine"\n', encoding="utf-8-sig")
    assert load_settings(tmp_path / "study.toml").name == "mine"


@pytest.mark.parametrize(
    "setting", ["workspace", "books.folder", "books.listing", "books.train_listing", "covers.location", "books.groups"]
)
def test_the_home_folder_of_nobody_is_refused(setting):
    """A path below it leads nowhere."""
    with pytest.raises(SettingsError, match=f"{setting}: the home folder that it begins with is not known"):
        load_settings(None, [f"{setting}=~nobody-of-this-name/x"])
    with pytest.raises(SettingsError, match="home folder"):
        load_settings(Path("~nobody-of-this-name/study.toml"))


@pytest.mark.parametrize("content", [b"", b'{"name": "mi', b"[]", b"\xff"])
def test_damaged_settings_of_a_study_are_told_from_a_folder_that_is_no_study(tmp_path, content):
    """What mends them is said, and does; of another folder, that it is no study's."""
    study = Study(StudySettings(name="mine", workspace=str(tmp_path)))
    with pytest.raises(SettingsError, match=r"this folder is no study's.*Name the folder of a study"):
        load_settings(tmp_path)
    study.begin()
    study.workspace.settings.write_bytes(content)
    with pytest.raises(SettingsError, match=r"mine/settings\.json: .* is damaged.*`bookcover run FILE`.*put a copy"):
        load_settings(study.workspace.root)
    study.begin()
    assert load_settings(study.workspace.root) == study.settings


def test_a_study_is_named_by_its_name_its_folder_or_its_settings_file(tmp_path, monkeypatch):
    """A folder of covers that is called as the study is takes nothing for itself; what is nothing is refused."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    study = Study(StudySettings(name="mine"))
    study.begin()
    folder = study.workspace.root
    Path("mine").mkdir()
    Path("study.toml").touch()
    for given, found in (("mine", folder), (folder, folder), ("study.toml", Path("study.toml"))):
        assert named_study(Path(given)) == found
    assert named_study(None) is None
    with pytest.raises(SettingsError, match=r"no study of this name.*bookcover status"):
        named_study(Path("yours"))
    with pytest.raises(SettingsError, match=r"Did you mean mine\?"):
        named_study(Path("Mines"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("books.foler=x", "did you mean books.folder?"),
        ("traning.epochs=3", "did you mean training?"),
        ("training.epoch=3", "did you mean training.epochs?"),
        ("name='a/b'", "letters of the English alphabet"),
        ("covers.proxy=ftp", 'it should be "environment"'),
        ('books.folder="C:\\temp"', "write backslashes in single quotes"),
    ],
)
def test_a_wrong_setting_is_said_in_words(given: str, message: str):
    """With the name that was meant, and never with a pattern."""
    with pytest.raises(SettingsError) as raised:
        parse_settings({}, [given])
    assert message in str(raised.value)
    assert "^[" not in str(raised.value)


def test_paths_of_windows_are_told_how_they_are_written(tmp_path: Path):
    """A backslash in double quotes is an escape of TOML."""
    file = tmp_path / "study.toml"
    file.write_text('[books]\nfolder = "C:\\Users\\me"\n')
    with pytest.raises(SettingsError, match=r"not TOML.*takes single quotes"):
        load_settings(file)
