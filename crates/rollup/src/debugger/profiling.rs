//! `profile`: a level step by step, with the ticks of every call (kernel-debugger.md, section 1.6).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::command::ProfileOptions;
use super::numbers::{date, span};
use super::session::{Failure, Session};
use crate::interpreter::{Frame, Profile};
use crate::pvm::{INTERRUPTED, Phases, Status, Stop, Surroundings, Until};

const RULE: &str = "----------------------";

/// A run that was profiled.
struct Run {
    phases: Phases,
    elapsed: Duration,
}

/// Runs the next level on the interpreter and tells where its ticks went.
pub(super) fn profile(session: &mut Session, options: ProfileOptions) -> Result<(), Failure> {
    let waits = session.pvm.status() == Status::WaitingForInput;
    if !(waits || session.pvm.is_beginning()) {
        return Ok(session.console.say(
            "Profiling can only be done from a snapshotable state or when waiting for input. \
             You can use `step kernel_run` to go to the next snapshotable state.",
        )?);
    }
    if waits {
        session.load_level()?;
        if session.pvm.status() == Status::WaitingForInput {
            return Ok(());
        }
    }
    session.console.say(
        "Starting the profiling until new messages are expected. \
         Please note that it will take some time and does not reflect a real computation time.",
    )?;
    let before = session.pvm.ticks();
    session.pvm.record(true);
    session.console.sections = Some(Vec::new());
    let result = run(session, options);
    session.pvm.record(false);
    session.console.sections = None;
    let (runs, profiles) = result?;
    let total = session.pvm.ticks() - before;

    let (stem, path) = free(&session.options.profiles);
    let lines = folded(&profiles, options.collapsed);
    std::fs::write(&path, &lines)
        .map_err(|error| Failure::Command(format!("{}: {error}", path.display())))?;
    session.console.say(&format!(
        "Profiling result can be found in {}",
        path.display()
    ))?;
    if options.flamegraph {
        let picture = with_ending(&stem, "svg");
        draw(&lines, &picture)
            .map_err(|error| Failure::Command(format!("{}: {error}", picture.display())))?;
        session.console.say(&format!(
            "Flame graph can be found in {}",
            picture.display()
        ))?;
    }
    for run in &runs {
        let table = table(run, !options.without_time);
        session.console.write(table.as_bytes())?;
    }
    Ok(session.console.say(&format!(
        "{RULE}\nFull execution with padding: {total} ticks"
    ))?)
}

fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn run(
    session: &mut Session,
    options: ProfileOptions,
) -> Result<(Vec<Run>, Vec<Profile>), Failure> {
    let (mut runs, mut profiles) = (Vec::new(), Vec::new());
    loop {
        let start = Instant::now();
        let stop = session
            .pvm
            .step_until(Until::KernelRun, &mut session.console)
            .map_err(Failure::Command)?;
        runs.push(Run {
            phases: session.pvm.phases(),
            elapsed: start.elapsed(),
        });
        profiles.extend(session.pvm.take_profile().map(|profile| *profile));
        if stop == Stop::Stuck || session.pvm.is_collecting() || options.no_reboot {
            return Ok((runs, profiles));
        }
        if session.console.interrupted() {
            return Err(Failure::Command(INTERRUPTED.into()));
        }
    }
}

fn table(run: &Run, with_time: bool) -> String {
    let phases = [
        ("%interpreter(decode)", run.phases.decode),
        ("%interpreter(link)", run.phases.link),
        ("%interpreter(init)", run.phases.init),
        ("kernel_run", run.phases.run),
    ];
    let sum: u64 = phases.iter().map(|(_, ticks)| ticks).sum();
    let mut out = format!("{RULE}\nDetailed results for a `kernel_run`:\n");
    for (name, ticks) in phases {
        // The interpreter's time is measured for the whole; each phase gets its share.
        let share = run.elapsed.mul_f64(if sum == 0 {
            0.0
        } else {
            ticks as f64 / sum as f64
        });
        let time = if with_time {
            format!(" ({})", span(share))
        } else {
            String::new()
        };
        let _ = writeln!(out, "{name}: {ticks} ticks{time}");
    }
    let _ = writeln!(out, "\nFull execution: {sum} ticks ({})", span(run.elapsed));
    out
}

fn folded(profiles: &[Profile], collapsed: bool) -> String {
    let line = |frame: &Frame| format!("{} {}", frame.stack, frame.ticks);
    if collapsed {
        let mut all = Profile::default();
        for profile in profiles {
            all.frames.extend_from_slice(&profile.frames);
        }
        return all
            .collapsed()
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n");
    }
    profiles
        .iter()
        .flat_map(|profile| &profile.frames)
        .map(|frame| line(frame) + "\n")
        .collect()
}

fn draw(lines: &str, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut options = inferno::flamegraph::Options::default();
    options.title = "Ticks of a kernel".into();
    options.count_name = "ticks".into();
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    inferno::flamegraph::from_lines(&mut options, lines.lines(), file)?;
    Ok(())
}

/// A name with the time in UTC, to the millisecond; a later one when a profile was made within the same.
fn free(directory: &Path) -> (PathBuf, PathBuf) {
    let mut since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    loop {
        let (seconds, millis) = (date(since.as_secs() as i64), since.subsec_millis());
        let name = format!("wasm-debugger-profiling-{seconds}.{millis:03}-00:00");
        let stem = directory.join(name);
        let path = with_ending(&stem, "out");
        if !path.exists() {
            return (stem, path);
        }
        since += Duration::from_millis(1);
    }
}
