//! Every script of `testdata/` and `wat/` against its expected output, byte for byte: with each code generator, on the
//! memory of this system and on the portable one, and with a cold and a warm module cache. Names look like `fast/testdata/motoko/counter`; filters and `--list` are the usual ones.
//!
//! A script `NAME.drun` has its expected output, both streams in one, in `NAME.ok`; it runs in its own directory. Its
//! options are in a comment at its head (`# args: ...`), or else in the directory's file `args`; `# exit: N` tells the
//! exit status. The directories of `testdata/golden` hold what other programs printed, see the README there.

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use support::recorded;

/// A name, a code generator, and whether memory is the portable one.
type Way = (&'static str, &'static str, bool);

/// What every case is run with.
const WAYS: [Way; 6] = [
    ("fast", "fast", false),
    ("optimizing", "optimizing", false),
    ("interpreter", "interpreter", false),
    ("auto", "auto", false),
    ("portable-fast", "fast", true),
    ("portable-optimizing", "optimizing", true),
];

/// Cases that run into limits of tens of billions of instructions: they run once with each of the first two only.
const LONG: [&str; 1] = ["testdata/golden/calls/drun"];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    // Where the portable memory is the only one the last two would be the first two once more.
    let ways = WAYS.len() - if cfg!(unix) { 0 } else { 2 };
    for (name, case) in cases() {
        let case = Arc::new(case);
        let long = LONG.contains(&name.as_str());
        for way in &WAYS[..if long { 2 } else { ways }] {
            let case = Arc::clone(&case);
            trials.push(Trial::test(format!("{}/{name}", way.0), move || {
                case.check(way, long)
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A script with one set of options and what it must print.
struct Case {
    directory: PathBuf,
    script: String,
    options: Vec<String>,
    status: i32,
    expected: Expected,
    /// What the first run printed; all others print the same bytes.
    first: OnceLock<[Vec<u8>; 2]>,
}

/// What a script must print.
enum Expected {
    /// This file, with both streams in one.
    Merged(PathBuf),
    /// The same, but the program that was recorded fell silent at a refused message.
    MergedBeginning(PathBuf),
    /// These files for standard output and standard error, but for the times and what March worded in another way.
    Separate(PathBuf, PathBuf),
}

impl Case {
    fn check(&self, way: &Way, long: bool) -> Result<(), Failed> {
        let cache = tempfile::tempdir()?;
        for temperature in &["cold", "warm"][..if long { 1 } else { 2 }] {
            let printed = self.run(way, cache.path())?;
            if *self.first.get_or_init(|| printed.clone()) != printed {
                return Err(
                    format!("not the same bytes as other runs ({temperature} cache)").into(),
                );
            }
            self.compare(&printed)
                .map_err(|difference| format!("({temperature} cache)\n{difference}"))?;
        }
        Ok(())
    }

    /// Standard output and standard error; where they are expected in one, the second is empty.
    fn run(&self, (_, compiler, portable): &Way, cache: &Path) -> Result<[Vec<u8>; 2], Failed> {
        let mut command = support::drun(&self.directory);
        if *portable {
            command.env("DRUN_MEMORY", "portable");
        }
        command
            .args(["--compiler", compiler, "--cache-dir"])
            .arg(cache)
            .args(&self.options)
            .arg(&self.script);
        let (printed, status) = if let Expected::Separate(..) = self.expected {
            let output = command.stdin(Stdio::null()).output()?;
            ([output.stdout, output.stderr], output.status.code())
        } else {
            let output = support::merged(command)?;
            ([output.bytes, Vec::new()], output.status)
        };
        if status != Some(self.status) {
            let shown = String::from_utf8_lossy(&printed.concat()).into_owned();
            return Err(
                format!("exit status {status:?}, expected {}\n{shown}", self.status).into(),
            );
        }
        Ok(printed)
    }

    fn compare(&self, printed: &[Vec<u8>; 2]) -> Result<(), String> {
        let [out, err] = printed;
        let out = std::str::from_utf8(out).map_err(|error| error.to_string())?;
        let err = std::str::from_utf8(err).map_err(|error| error.to_string())?;
        match &self.expected {
            Expected::Merged(file) => equal(&read(file)?, out),
            Expected::MergedBeginning(file) => {
                let expected = read(file)?;
                let beginning = out.get(..expected.len()).unwrap_or(out);
                equal(&expected, beginning)
            }
            Expected::Separate(out_file, err_file) => {
                let expected = recorded::reworded(&read(out_file)?);
                equal(&expected, &recorded::without_reasons(out))?;
                equal(&read(err_file)?, &recorded::without_times(err))
            }
        }
    }
}

fn equal(expected: &str, actual: &str) -> Result<(), String> {
    match support::difference(expected, actual) {
        None => Ok(()),
        Some(difference) => Err(difference),
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// All cases with their names.
fn cases() -> Vec<(String, Case)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = Vec::new();
    for directory in ["testdata", "wat"] {
        collect(root, &root.join(directory), &mut cases);
    }
    cases
}

/// The cases of a directory and of those in it, in the order of their names.
fn collect(root: &Path, directory: &Path, cases: &mut Vec<(String, Case)>) {
    let entries = std::fs::read_dir(directory).expect("testdata can be read");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("testdata can be read").path())
        .collect();
    paths.sort();
    let named = |path: &Path| {
        let relative = path.strip_prefix(root).expect("it is below the root");
        relative.to_string_lossy().replace('\\', "/")
    };
    for path in paths {
        if path.is_dir() {
            collect(root, &path, cases);
        } else if path.file_name().is_some_and(|name| name == "script.drun") {
            cases.extend(recorded_cases(&named(directory), directory));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "drun")
        {
            cases.push((named(&path.with_extension("")), own_case(&path)));
        }
    }
}

/// A script with its expected output beside it.
fn own_case(path: &Path) -> Case {
    let directory = path.parent().expect("it is a file").to_owned();
    let source = std::fs::read(path).expect("the script can be read");
    let source = String::from_utf8_lossy(&source);
    let head: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix('#'))
        .collect();
    let directive = |key: &str| head.iter().find_map(|line| line.trim().strip_prefix(key));
    let options = match directive("args:") {
        Some(options) => words(options),
        None => default_options(&directory),
    };
    Case {
        script: path
            .file_name()
            .expect("it is a file")
            .to_string_lossy()
            .into_owned(),
        options,
        status: directive("exit:").map_or(0, |status| {
            status.trim().parse().expect("an exit status is a number")
        }),
        expected: Expected::Merged(path.with_extension("ok")),
        first: OnceLock::new(),
        directory,
    }
}

/// What other programs printed for the script of a directory.
fn recorded_cases(name: &str, directory: &Path) -> Vec<(String, Case)> {
    let out = |program: &str| directory.join(format!("expected.{program}.out"));
    let case = |program: &str, expected| {
        let mut options = words(&format!("--format drun --compat {program}"));
        options.extend(default_options(directory));
        let case = Case {
            directory: directory.to_owned(),
            script: "script.drun".to_owned(),
            options,
            status: 0,
            expected,
            first: OnceLock::new(),
        };
        (format!("{name}/{program}"), case)
    };
    let mut cases = Vec::new();
    if out("drun").exists() {
        cases.push(case(
            "drun",
            Expected::Separate(out("drun"), directory.join("expected.drun.err")),
        ));
    }
    if out("pocket-ic").exists() {
        let expected = match name.ends_with("/inspect") {
            true => Expected::MergedBeginning(out("pocket-ic")),
            false => Expected::Merged(out("pocket-ic")),
        };
        cases.push(case("pocket-ic", expected));
    }
    cases
}

fn default_options(directory: &Path) -> Vec<String> {
    words(&std::fs::read_to_string(directory.join("args")).unwrap_or_default())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
