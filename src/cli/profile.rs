//! `--profile`: the stacks of a run as a file of folded stacks, which many tools read, and as a flame graph.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use inferno::flamegraph::color::{BackgroundColor, Color, PaletteMap};
use inferno::flamegraph::{self, Options, TextTruncateDirection};

use super::table::grouped;
use crate::suite::replace;
use drun_ic::observe::profile::{Kind, Line, Profile};

/// Folded stacks: on each line frames with `;` between them, a space, and what was spent in the last one itself.
const FOLDED: &str = "profile.folded";
/// The picture.
const PICTURE: &str = "profile.svg";

/// Makes the directory and looks whether the files can be written, so that a run does not have to end before its user learns that they cannot.
pub(super) fn prepare(directory: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot make the directory {}", directory.display());
    std::fs::create_dir_all(directory).with_context(cannot)?;
    [FOLDED, PICTURE]
        .iter()
        .try_for_each(|name| replace::check_replaceable(&directory.join(name)))
}

/// Writes both files; `script` is what the picture calls the run.
pub(super) fn write(directory: &Path, script: &str, profile: &Profile) -> anyhow::Result<()> {
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
    let mut content = Vec::new();
    write(&mut content).with_context(|| format!("cannot write {}", path.display()))?;
    replace::replace(path, &content)
}

fn folded(line: &Line<'_>) -> String {
    let frames: Vec<&str> = line.frames.iter().map(|(_, text)| *text).collect();
    format!("{} {}", frames.join(";"), line.instructions)
}

/// Draws what canisters execute. Compiling would leave no room for it, and is drawn only if there is nothing else.
fn draw(
    file: &mut dyn Write,
    script: &str,
    lines: &[Line<'_>],
    folded: &[String],
) -> std::io::Result<()> {
    let compiles = |line: &Line<'_>| {
        line.frames
            .last()
            .is_some_and(|(kind, _)| *kind == Kind::Compile)
    };
    let sum = |compiling: bool| -> u64 {
        let counted = lines.iter().filter(|line| compiles(line) == compiling);
        counted.map(|line| line.instructions).sum()
    };
    let [executed, compiling] =
        [sum(false), sum(true)].map(|sum| grouped(sum.into()).replace('_', ","));
    let (count, omitted) = match (sum(false), sum(true)) {
        (0, 0) => return file.write_all(NOTHING.as_bytes()),
        (0, _) => (compiling, String::new()),
        (_, 0) => (executed, String::new()),
        _ => (executed, format!(" (and {compiling} for compiling)")),
    };
    let drawn = lines.iter().zip(folded);
    let drawn = drawn.filter(|(line, _)| omitted.is_empty() || !compiles(line));

    let mut colors = PaletteMap::default();
    colors.insert("", BOTTOM);
    for (kind, text) in lines.iter().flat_map(|line| &line.frames) {
        colors.insert(text, color(*kind, text));
    }
    let mut options = Options::default();
    options.title = script.to_owned();
    options.subtitle = Some(format!("{count} instructions{omitted} — {LEGEND}"));
    options.count_name = "instructions".to_owned();
    options.bgcolors = Some(BackgroundColor::Flat(BACKGROUND));
    options.palette_map = Some(&mut colors);
    options.text_truncate_direction = TextTruncateDirection::Right;
    // The order of the lines is to be kept, in which this expects the latest first.
    options.flame_chart = true;
    let texts: Vec<&str> = drawn.map(|(_, text)| text.as_str()).collect();
    flamegraph::from_lines(&mut options, texts.into_iter().rev(), file)
        .map_err(std::io::Error::other)
}

/// The picture of a run in which nothing was executed.
const NOTHING: &str = concat!(
    r#"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="40">"#,
    r#"<text x="10" y="25" font-family="monospace">no instructions were executed</text></svg>"#,
);
const LEGEND: &str =
    "grey: messages, blue: canisters, yellow: functions, green: system API, red: other charges";
const BACKGROUND: Color = rgb(255, 255, 255);
/// The frame below all messages.
const BOTTOM: Color = rgb(236, 236, 236);

/// A color for each kind, a little darker or lighter by name, so that neighbours can be told apart.
fn color(kind: Kind, text: &str) -> Color {
    let base = match kind {
        Kind::Message => rgb(218, 218, 218),
        Kind::Entry => rgb(150, 188, 238),
        Kind::Function => rgb(252, 206, 112),
        Kind::Host => rgb(166, 214, 148),
        Kind::Other | Kind::Compile => rgb(240, 160, 150),
    };
    // FNV-1a; its middle bits are well mixed.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let darker = (hash >> 32) as u8 % 36;
    rgb(base.r - darker, base.g - darker, base.b - darker)
}

const fn rgb(r: u8, g: u8, b: u8) -> Color {
    Color { r, g, b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(frames: &[(Kind, &'static str)], instructions: u64) -> Line<'static> {
        Line {
            frames: frames.to_vec(),
            instructions,
        }
    }

    fn picture(lines: &[Line<'_>]) -> String {
        let folded: Vec<String> = lines.iter().map(folded).collect();
        let mut file = Vec::new();
        draw(&mut file, "a.drun", lines, &folded).unwrap();
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn a_line_has_its_frames_and_its_count() {
        let line = line(
            &[(Kind::Message, "2 ingress go"), (Kind::Function, "f")],
            12,
        );
        assert_eq!(folded(&line), "2 ingress go;f 12");
    }

    #[test]
    fn compiling_is_drawn_only_if_nothing_else_is() {
        let compile = line(
            &[(Kind::Message, "1 install"), (Kind::Compile, "[compile]")],
            6_000,
        );
        let alone = picture(std::slice::from_ref(&compile));
        assert!(alone.contains("6,000 instructions — "), "{alone}");
        assert!(
            alone.contains("[compile] (6,000 instructions, 100.00%)"),
            "{alone}"
        );
        let code = line(&[(Kind::Message, "2 ingress go"), (Kind::Function, "f")], 5);
        let both = picture(&[compile, code]);
        assert!(
            both.contains("5 instructions (and 6,000 for compiling) — "),
            "{both}"
        );
        assert!(!both.contains("[compile]"), "{both}");
    }

    #[test]
    fn without_any_instructions_there_is_a_picture_too() {
        assert!(picture(&[]).contains("no instructions were executed"));
    }

    /// In the order of the messages, which is not that of their texts.
    #[test]
    fn messages_stand_in_their_order() {
        let svg = picture(&[
            line(&[(Kind::Message, "9 ingress a")], 1),
            line(&[(Kind::Message, "10 ingress b")], 1),
        ]);
        assert!(svg.find("9 ingress a").unwrap() < svg.find("10 ingress b").unwrap());
    }
}
