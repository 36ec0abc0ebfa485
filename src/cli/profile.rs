//! `--profile`: the stacks of a run as a file of folded stacks, which many tools read, and as a flame graph.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use inferno::flamegraph::color::{BackgroundColor, Color, PaletteMap};
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};

use super::table::grouped;
use crate::profile::{Kind, Line, Profile};

/// Folded stacks: on each line frames with `;` between them, a space, and what was spent in the last one itself.
const FOLDED: &str = "profile.folded";
/// The picture.
const PICTURE: &str = "profile.svg";

/// Makes the directory, so that a run does not have to end before its user learns that it cannot be made.
pub fn prepare(directory: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot make the directory {}", directory.display());
    std::fs::create_dir_all(directory).with_context(cannot)
}

/// Writes both files; `script` is what the picture calls the run.
pub fn write(directory: &Path, script: &str, profile: &Profile) -> anyhow::Result<()> {
    let lines = profile.lines();
    let folded: Vec<String> = lines.iter().map(folded).collect();
    save(&directory.join(FOLDED), |file| {
        folded.iter().try_for_each(|line| writeln!(file, "{line}"))
    })?;
    save(&directory.join(PICTURE), |file| {
        draw(file, script, &lines, &folded)
    })
}

fn save(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let save = || {
        let mut file = BufWriter::new(std::fs::File::create(path)?);
        write(&mut file)?;
        file.flush()
    };
    save().with_context(|| format!("cannot write {}", path.display()))
}

fn folded(line: &Line<'_>) -> String {
    let frames: Vec<&str> = line.frames.iter().map(|(_, text)| *text).collect();
    format!("{} {}", frames.join(";"), line.instructions)
}

fn draw(
    file: &mut dyn Write,
    script: &str,
    lines: &[Line<'_>],
    folded: &[String],
) -> std::io::Result<()> {
    let mut colors = PaletteMap::default();
    for (kind, text) in lines.iter().flat_map(|line| &line.frames) {
        colors.insert(text, color(*kind, text));
    }
    let sum: u64 = lines.iter().map(|line| line.instructions).sum();
    let mut options = Options::default();
    options.title = format!("Instructions of {script}");
    options.subtitle = Some(format!("{} instructions", grouped(sum.into())));
    options.count_name = "instructions".to_owned();
    options.palette_map = Some(&mut colors);
    flamegraph::from_lines(&mut options, folded.iter().map(String::as_str), file)
        .map_err(std::io::Error::other)
}

fn color(kind: Kind, _text: &str) -> Color {
    match kind {
        Kind::Message => Color { r: 200, g: 200, b: 200 },
        Kind::Entry => Color { r: 120, g: 170, b: 230 },
        Kind::Function => Color { r: 245, g: 180, b: 80 },
        Kind::Host => Color { r: 130, g: 200, b: 120 },
        Kind::Other => Color { r: 220, g: 120, b: 110 },
    }
}
