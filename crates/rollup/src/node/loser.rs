//! Deliberately wrong states, to have something that can be refuted: `--loser-mode` (rollup-node.md, section 11).

use serde_json::{Value, json};

/// Where a state goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The level.
    pub level: i32,
    /// The message of that level, those of the protocol counted too.
    pub message: usize,
    /// The tick since the message's first.
    pub tick: u64,
}

/// What takes a message's place at its first tick.
pub const CHEATER: &[u8] = b"to the cheater we promise pain and misery";

/// What a node says when it begins.
pub const BANNER: [&str; 3] = [
    "************ WARNING *************",
    "This rollup node is in loser mode.",
    "This should be used for test only!",
];

/// Reads failure points: numbers in threes. The forms that lie about the data availability layer are not there.
///
/// # Errors
/// The text of the original.
pub fn parse(text: &str) -> Result<Vec<Failure>, String> {
    let wrong = || "Invalid syntax for failure points".to_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    if let Some(word @ ("reveal_dal_parameters" | "reveal_dal_page")) = words.first().copied() {
        return Err(format!(
            "--loser-mode: {word}: the data availability layer is not simulated"
        ));
    }
    if words.is_empty() || !words.len().is_multiple_of(3) {
        return Err(wrong());
    }
    words
        .chunks(3)
        .map(|words| {
            let failure = || {
                Some(Failure {
                    level: words[0].parse().ok()?,
                    message: words[1].parse().ok()?,
                    tick: words[2].parse().ok()?,
                })
            };
            failure().ok_or_else(wrong)
        })
        .collect()
}

/// Reads the list of a configuration file.
///
/// # Errors
/// If it has another shape.
pub fn from_json(value: &Value) -> Result<Vec<Failure>, String> {
    let failure = |item: &Value| {
        Some(Failure {
            level: i32::try_from(item["level"].as_i64()?).ok()?,
            message: usize::try_from(item["message_index"].as_u64()?).ok()?,
            tick: item["message_tick"].as_u64()?,
        })
    };
    let items = value.as_array().into_iter().flatten();
    let failures: Option<Vec<Failure>> = items.map(failure).collect();
    failures.ok_or_else(|| {
        "configuration: `loser-mode` must list objects with level, message_index and message_tick"
            .into()
    })
}

/// The list as a configuration shows it.
pub fn to_json(failures: &[Failure]) -> Value {
    let shown = failures.iter().map(|failure| {
        json!({ "level": failure.level, "message_index": failure.message, "message_tick": failure.tick })
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_points_are_numbers_in_threes() {
        let failures = parse("3 0 0  4 2 1000").unwrap();
        assert_eq!(
            failures[1],
            Failure {
                level: 4,
                message: 2,
                tick: 1000
            }
        );
        assert_eq!(from_json(&to_json(&failures)), Ok(failures));
        for bad in ["", "1 2", "1 2 x", "a b c"] {
            assert_eq!(
                parse(bad),
                Err("Invalid syntax for failure points".into()),
                "{bad}"
            );
        }
        assert!(parse("reveal_dal_parameters 1 2 3 4").is_err());
        assert!(from_json(&json!([{ "level": 1 }])).is_err());
    }
}
