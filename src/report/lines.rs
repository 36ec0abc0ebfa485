//! The format `lines`: a line a result, for expected outputs that people read and compare.
//!
//! Owns its wording. Nothing in a line depends on where it stands: no running numbers, no times, and canisters by the names
//! of the script. What stands behind the colon can stand behind `expect`.

use super::Beside;
use crate::idl::quoted;
use crate::runner::outcome::{MessageResult, Outcome};

/// The line of an outcome; for a reply in several lines they are the layout's.
pub(super) fn line(outcome: &Outcome, beside: &Beside<'_>) -> String {
    let words = beside.words;
    match &outcome.result {
        MessageResult::Replied(bytes) => match (super::created(outcome), beside.text) {
            (Some(id), _) => format!("{words}: {id}"),
            (None, Some(text)) => format!("{words}: reply {text}"),
            (None, None) => format!("{words}: reply 0x{}", hex::encode(bytes)),
        },
        MessageResult::Rejected(text) => format!("{words}: reject {}", quoted(text)),
        MessageResult::Failed(error) => {
            let text = quoted(&error.description);
            format!("{words}: error {} {text}", error.code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::outcome::MessageKind;
    use drun_ic::errors::{ErrorCode, UserError};

    #[test]
    fn a_line_has_the_words_of_the_script_and_what_can_be_expected() {
        let failed = MessageResult::Failed(UserError {
            code: ErrorCode::CanisterCalledTrap,
            description: "a\nb".into(),
        });
        let replied = || MessageResult::Replied(vec![0x2a]);
        for (kind, result, text, expected) in [
            (MessageKind::Ingress, replied(), None, "w: reply 0x2a"),
            (MessageKind::Ingress, replied(), Some("(1)"), "w: reply (1)"),
            (
                MessageKind::Query,
                MessageResult::Rejected("no \"x\"".into()),
                None,
                r#"w: reject "no \"x\"""#,
            ),
            (
                MessageKind::Upgrade,
                failed,
                None,
                r#"w: error IC0503 "a\nb""#,
            ),
        ] {
            let outcome = super::super::tests::outcome(kind, result);
            let beside = Beside {
                words: "w",
                text,
                ..Beside::default()
            };
            assert_eq!(line(&outcome, &beside), expected);
        }
    }
}
