//! What a run writes beside its results: every place is looked at before the first message, what is there stays until then, and
//! what cannot be written is the tool's failure.

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{
    self,
    place::{ID, Place},
};

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.0.path().join(name)).unwrap_or_default()
}

#[test]
fn an_earlier_log_stays_until_a_run_begins_and_every_line_is_kept() {
    let place = Place::new()
        .file("log", "earlier\n")
        .file("wrong", "creat\n")
        .file("s", "create\ncreate\n");
    place
        .run(&["--log-file", "log", "wrong"])
        .refused_with("unknown message `creat`");
    assert_eq!(read(&place, "log"), "earlier\n");
    let ran = place.run(&["--log-file", "log", "s"]);
    assert_eq!(ran.status, Some(0));
    let log = read(&place, "log");
    let words: Vec<&str> = log
        .lines()
        .map(|line| line.split_once(" ms ").unwrap().1)
        .collect();
    assert_eq!(
        words,
        [
            "s: 2 messages, 0 modules",
            "line 1: Create",
            "line 2: Create"
        ]
    );
    place
        .run(&["--log-file", ".", "s"])
        .refused_with("error: cannot write .: ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_on_a_full_disk_is_the_tools_failure() {
    let place = Place::new().file("s", "create\n");
    let ran = place.run(&["--log-file", "/dev/full", "s"]);
    assert_eq!((ran.status, ran.out.lines().count()), (Some(3), 1));
    assert!(
        ran.err.starts_with("error: cannot write /dev/full: "),
        "{}",
        ran.err
    );
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_printed_is_the_tools_failure() {
    let place = Place::new();
    for arguments in [&["--help"][..], &["test", "--help"], &["--version"]] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = support::drun(place.0.path());
        let output = command.args(arguments).stdout(full.unwrap()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.starts_with("error: cannot print: "), "{err}");
    }
}

#[test]
fn no_message_runs_before_all_places_are_looked_at() {
    let script = format!("create\nstable save {ID} s/dump\n");
    let place = Place::new().file("s", "create\n").file("save", script);
    for options in [
        &["save"][..],
        &["--profile", "/proc/nowhere", "s"],
        &["--measures", "/proc/nowhere/m", "s"],
        &["--keep-state", "--state-dir", "/proc/nowhere", "s"],
    ] {
        let ran = place.run(options);
        assert_eq!(
            (ran.status, ran.out.as_str()),
            (Some(3), ""),
            "{options:?}: {}",
            ran.err
        );
        assert!(ran.err.starts_with("error: cannot "), "{}", ran.err);
    }
}

#[test]
fn a_saved_memory_is_written_as_a_whole() {
    let place = Place::new().file("dump", "old").file(
        "s",
        format!("create\nstable save {ID} dump\nstable save {ID} new/dump\n"),
    );
    let ran = place.run(&["s"]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert_eq!(read(&place, "dump"), "");
    assert!(place.0.path().join("new/dump").is_file());
    // What the machine refuses is no mistake of the script.
    let script = format!("create\nstable save {ID} dump/below\n");
    let ran = place.file("s", script).run(&["s"]);
    assert_eq!(ran.status, Some(3), "{}", ran.err);
    assert!(
        ran.err.starts_with("error: cannot write dump/below: "),
        "{}",
        ran.err
    );
}

/// Whoever runs a script of somebody else has no other file replaced.
#[cfg(unix)]
#[test]
fn a_script_writes_below_its_own_directory_alone() {
    let place = Place::new().file("victim", "old").file("s", "create\n");
    let folder = place.0.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("../victim", folder.join("link")).unwrap();
    std::os::unix::fs::symlink("..", folder.join("up")).unwrap();
    let absolute = place.0.path().join("victim");
    let inside = folder.join("dump");
    for file in [
        "../victim",
        "link",
        "up/victim",
        "./x/../../victim",
        absolute.to_str().unwrap(),
    ] {
        std::fs::write(
            folder.join("save.drun"),
            format!("create\nstable save {ID} {file}\n"),
        )
        .unwrap();
        for script in ["in/save.drun", "include.drun"] {
            std::fs::write(
                place.0.path().join("include.drun"),
                "include \"in/save.drun\"\n",
            )
            .unwrap();
            let ran = place.run(&[script]);
            ran.refused_with("error: the file cannot be written: it is not below the directory of the script\n --> in/save.drun:2:");
        }
        assert_eq!(read(&place, "victim"), "old");
    }
    std::fs::write(
        folder.join("save.drun"),
        format!(
            "create\nstable save {ID} {}\nstable save {ID} deep/er\n",
            inside.display()
        ),
    )
    .unwrap();
    for _ in 0..2 {
        assert_eq!(place.run(&["in/save.drun"]).status, Some(0));
    }
    assert!(inside.is_file() && folder.join("deep/er").is_file());
}

/// What no file can be is a mistake of the script, told with its place before anything runs.
#[test]
fn a_directory_is_no_place_for_a_memory() {
    let place = Place::new();
    std::fs::create_dir(place.0.path().join("folder")).unwrap();
    for file in [".", "\"\"", "folder"] {
        let script = format!("create\nstable save {ID} {file}\n");
        std::fs::write(place.0.path().join("s"), script).unwrap();
        let ran = place.run(&["s"]);
        ran.refused_with("error: the file cannot be written: this is a directory\n --> s:2:41\n");
    }
}

#[test]
fn a_statement_that_cannot_be_run_is_no_expectation() {
    let place = Place::new().file("s", format!("create\nstable load {ID} nothing\n"));
    let ran = place.run(&["s"]);
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.err.ends_with("\n1 statement could not be run: s:2\n"),
        "{}",
        ran.err
    );
}

#[cfg(unix)]
#[test]
fn a_script_from_standard_input_writes_in_the_working_directory() {
    for path in ["-", "/dev/stdin"] {
        let script = format!("create\nstable save {ID} dump\nstable load {ID} dump\n");
        let place = Place::new().file("s", script);
        let script = std::fs::File::open(place.0.path().join("s")).unwrap();
        let mut command = support::drun(place.0.path());
        let output = command.arg(path).stdin(script).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{path}");
        assert!(place.0.path().join("dump").is_file(), "{path}");
    }
}

/// A path need not be text: what stands beside such a script is found there and written there.
#[cfg(target_os = "linux")]
#[test]
fn a_script_in_a_folder_whose_name_is_no_text_finds_its_files() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let folder = place.0.path().join(std::ffi::OsStr::from_bytes(b"d\xff"));
    std::fs::create_dir(&folder).unwrap();
    for (name, content) in [
        ("m.wat", "(module (memory 1))"),
        (
            "s.drun",
            "create a\ninstall a m.wat\nstable save a dump\ninclude part.drun\n",
        ),
        ("part.drun", "upgrade a m.wat\nstable load a dump\n"),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let run = |arguments: &[&std::ffi::OsStr]| {
        let mut command = support::drun(place.0.path());
        let output = command.args(arguments).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), err)
    };
    let [script, module] = ["s.drun", "m.wat"].map(|name| folder.join(name));
    assert_eq!(run(&[script.as_ref()]), (Some(0), String::new()));
    assert!(folder.join("dump").is_file());
    let inspected = run(&["inspect".as_ref(), module.as_ref()]);
    assert_eq!(inspected, (Some(0), String::new()));
    // A path that is to stand in a script has to be text.
    let (status, err) = run(&["upgrade-check".as_ref(), module.as_ref(), module.as_ref()]);
    assert_eq!(status, Some(2));
    assert!(err.ends_with("/m.wat: its path is not UTF-8\n"), "{err}");
}

#[test]
fn a_slow_reader_loses_nothing() {
    const MESSAGES: usize = 3_000;
    let place = Place::new().file("s", "create\n".repeat(MESSAGES));
    let mut child = support::drun(place.0.path())
        .arg("s")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    // The pipe is full long before the end; what is written then waits for the reader.
    loop {
        let read = out.read(&mut piece).unwrap();
        if read == 0 {
            break;
        }
        all.extend_from_slice(&piece[..read]);
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let text = String::from_utf8(all).unwrap();
    assert_eq!(text.lines().count(), MESSAGES);
    assert!(text.ends_with('\n'));
}

/// A pipe that does not wait: what does not fit in comes back as an error, which must not be a lost line.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_that_does_not_wait_loses_nothing_in_silence() {
    const MESSAGES: usize = 3_000;
    let place = Place::new().file("s", "create\n".repeat(MESSAGES));
    let program = env!("CARGO_BIN_EXE_drun");
    let script = "import os,sys,subprocess,time\n\
        r,w=os.pipe(); os.set_blocking(w,False)\n\
        p=subprocess.Popen([sys.argv[1],'s'],stdout=w,stderr=subprocess.PIPE); os.close(w)\n\
        n=0\n\
        while True:\n\
        \x20b=os.read(r,4096)\n\
        \x20if not b: break\n\
        \x20n+=b.count(b'\\n'); time.sleep(0.0002)\n\
        e=p.stderr.read().decode(); print(n,p.wait(),e)";
    let output = std::process::Command::new("python3")
        .args(["-c", script, program])
        .current_dir(place.0.path())
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output();
    // Without Python there is nobody to make such a pipe.
    let Ok(output) = output else { return };
    let told = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = told.split_whitespace().collect();
    let complete = words[..2] == [MESSAGES.to_string().as_str(), "0"];
    let failed = words[1] == "3" && told.contains("error: cannot print");
    assert!(complete || failed, "{told}");
}
