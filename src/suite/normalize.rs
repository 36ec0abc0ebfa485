//! What is made of outputs before they are compared: regular expressions of the suite file, and the rules of Motoko's own
//! suite under one name. Owns the rules; who compares is `verdict`.

use std::borrow::Cow;
use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// A rule as the suite file writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A set of rules that `drun` knows by name: `motoko`, `times`.
    Named(String),
    /// Replaces what an expression finds.
    Replace {
        /// The expression; `^` and `$` are the ends of a line.
        pattern: String,
        /// What stands there instead; `$1` is the first group.
        replace: String,
    },
    /// Removes lines in which an expression finds something.
    Delete {
        /// The expression.
        delete: String,
    },
    /// Removes everything behind the first line in which an expression finds something.
    End {
        /// The expression.
        end_after: String,
    },
}

/// The keys of a rule that is a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    pattern: Option<String>,
    replace: Option<String>,
    delete: Option<String>,
    end_after: Option<String>,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = Rule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a set of rules, or a table")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Rule, E> {
                Ok(Rule::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rule, A::Error> {
                let keys = Keys::deserialize(MapAccessDeserializer::new(map))?;
                match (keys.pattern, keys.replace, keys.delete, keys.end_after) {
                    (Some(pattern), Some(replace), None, None) => {
                        Ok(Rule::Replace { pattern, replace })
                    }
                    (None, None, Some(delete), None) => Ok(Rule::Delete { delete }),
                    (None, None, None, Some(end_after)) => Ok(Rule::End { end_after }),
                    (Some(_), None, None, None) => {
                        Err(de::Error::custom("a rule with `pattern` needs `replace`"))
                    }
                    _ => Err(de::Error::custom(
                        "a rule has `pattern` and `replace`, or `delete`, or `end_after`",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Written)
    }
}

/// Rules ready to be applied, in their order.
#[derive(Debug, Default)]
pub struct Normalizer(Vec<Step>);

#[derive(Debug)]
enum Step {
    Replace(Regex, Vec<u8>),
    Delete(Regex),
    End(Regex),
}

impl Normalizer {
    /// Makes rules ready.
    ///
    /// # Errors
    /// An unknown name, or an expression that is none; the text says which.
    pub fn new(rules: &[Rule]) -> Result<Self, String> {
        let mut steps = Vec::new();
        for rule in rules {
            match rule {
                Rule::Named(name) => {
                    let (_, set) =
                        SETS.iter()
                            .find(|(known, _)| known == name)
                            .ok_or_else(|| {
                                let known: Vec<_> = SETS.iter().map(|(name, _)| *name).collect();
                                format!(
                                    "unknown set of rules `{name}`; known: {}",
                                    known.join(", ")
                                )
                            })?;
                    for rule in *set {
                        steps.push(rule.step()?);
                    }
                }
                Rule::Replace { pattern, replace } => {
                    steps.push(Step::Replace(expression(pattern)?, replace.clone().into()));
                }
                Rule::Delete { delete } => steps.push(Step::Delete(expression(delete)?)),
                Rule::End { end_after } => steps.push(Step::End(expression(end_after)?)),
            }
        }
        Ok(Normalizer(steps))
    }

    /// The output as it is compared.
    pub fn apply<'a>(&self, output: &'a [u8]) -> Cow<'a, [u8]> {
        let mut text = Cow::Borrowed(output);
        for step in &self.0 {
            let changed = match step {
                Step::Replace(pattern, with) => match pattern.replace_all(&text, &with[..]) {
                    Cow::Borrowed(_) => continue,
                    Cow::Owned(changed) => changed,
                },
                Step::Delete(pattern) => lines(&text)
                    .filter(|line| !pattern.is_match(line))
                    .collect::<Vec<_>>()
                    .concat(),
                Step::End(pattern) => {
                    let mut kept = Vec::new();
                    for line in lines(&text) {
                        kept.extend_from_slice(line);
                        if pattern.is_match(line) {
                            break;
                        }
                    }
                    kept
                }
            };
            text = Cow::Owned(changed);
        }
        text
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

fn expression(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .unicode(false)
        .build()
        .map_err(|error| format!("`{pattern}` is no regular expression: {error}"))
}

/// A rule of a set.
#[derive(Clone, Copy)]
enum Known {
    Replace(&'static str, &'static str),
    Delete(&'static str),
    End(&'static str),
}

impl Known {
    fn step(self) -> Result<Step, String> {
        Ok(match self {
            Known::Replace(pattern, with) => Step::Replace(expression(pattern)?, with.into()),
            Known::Delete(pattern) => Step::Delete(expression(pattern)?),
            Known::End(pattern) => Step::End(expression(pattern)?),
        })
    }
}

/// The sets by their names.
const SETS: [(&str, &[Known]); 2] = [("motoko", &MOTOKO), ("times", &TIMES)];

/// Times and ids of debug prints.
const TIMES: [Known; 1] = [Known::Replace(r"^20[^\n]*? UTC: (\[Canister )", "$1")];

/// What the outputs of Motoko's suite hold no trace of: frames of host programs, places within the compiler's own sources and in
/// machine code, its version, what a test says is not to be compared, times and ids of prints, what its runner says itself, and
/// everything behind the end of memory.
const MOTOKO: [Known; 19] = [
    Known::Delete(r"^(Raised (by|at)|Re-[rR]aised at|Called from| +at )"),
    Known::Delete(r"note: using the"),
    Known::Replace(r"\x00", ""),
    Known::Replace(r"\x1b\[[0-9;]*[a-zA-Z]", ""),
    Known::Replace(r"wasm:0x[a-f0-9]*:", "wasm:0x___:"),
    Known::Replace(r"\b(prelude|prim):[^:\n]*:", "$1:___:"),
    Known::Replace(r" calling func\$[0-9]*", " calling func$$NNN"),
    Known::Replace(r"rip_addr: [0-9]*", "rip_addr: XXX"),
    Known::Replace(r"trap at 0x[a-f0-9]*", "trap at 0x___:"),
    Known::Replace(r"(?i)Ignore Diff:[^\n]*", "Ignore Diff: (ignored)"),
    Known::Replace(
        r"(?i)(Motoko (?:compiler )?)(?:[^ \n]* )?\(source [^\n]*\)",
        "${1}(source XXX)",
    ),
    Known::Replace(r"^(  )?(         [0-9]+:).*!", "$2 "),
    Known::Replace("wasm `unreachable` instruction executed", "unreachable"),
    Known::Replace(r"\[Canister [0-9a-z-]*\]", "debug.print:"),
    Known::Replace(r"^20[^\n]*UTC: debug\.print:", "debug.print:"),
    Known::Replace(r"\.mo\.([A-Za-z0-9]{6}\.)?mangled\b", ".mo"),
    Known::Delete(r"^ic_trap$"),
    Known::Delete("PocketIC"),
    Known::End(r"RTS error: Cannot (grow|allocate) memory"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(rules: &[Rule], text: &str) -> String {
        let normalizer = Normalizer::new(rules).unwrap();
        String::from_utf8(normalizer.apply(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn rules_are_applied_in_their_order() {
        let rules = [
            Rule::Replace {
                pattern: "^a(.)".into(),
                replace: "$1$1".into(),
            },
            Rule::Delete {
                delete: "^bb".into(),
            },
            Rule::End {
                end_after: "end".into(),
            },
        ];
        assert_eq!(
            applied(&rules, "ab\nac\nx ab\nthe end\nmore\n"),
            "cc\nx ab\nthe end\n"
        );
    }

    #[test]
    fn prints_lose_their_times_and_ids_in_the_words_of_motokos_suite() {
        let motoko = [Rule::Named("motoko".into())];
        let line = "2021-05-06 19:17:10.02 UTC: [Canister rwlgt-iiaaa-aaaaa-aaaaa-cai] n = 1\n";
        assert_eq!(applied(&motoko, line), "debug.print: n = 1\n");
        for (said, compared) in [
            ("n = 1, ignore diff: 12 34", "n = 1, Ignore Diff: (ignored)"),
            ("at prelude:12.3-4: no", "at prelude:___: no"),
            (
                "Motoko compiler 1.1.0 (source abc)",
                "Motoko compiler (source XXX)",
            ),
            ("x calling func$17", "x calling func$NNN"),
            ("wasm:0x1f: trap at 0x2a", "wasm:0x___: trap at 0x___:"),
        ] {
            assert_eq!(applied(&motoko, said), compared);
        }
        for copy in ["a.mo.mangled", "a.mo.0BH4L9.mangled", "a.mo"] {
            assert_eq!(applied(&motoko, &format!("at {copy}:3.1")), "at a.mo:3.1");
        }
        assert_eq!(
            applied(
                &motoko,
                "a\nPocketIC says\nRTS error: Cannot grow memory\nb\n"
            ),
            "a\nRTS error: Cannot grow memory\n"
        );
    }

    #[test]
    fn times_alone_keep_the_ids() {
        let line = "2021-05-06 19:17:10.02 UTC: [Canister aaaaa-aa] n\n";
        assert_eq!(
            applied(&[Rule::Named("times".into())], line),
            "[Canister aaaaa-aa] n\n"
        );
    }

    #[test]
    fn what_is_no_expression_or_no_set_is_told() {
        let wrong = |rule| Normalizer::new(&[rule]).unwrap_err();
        assert!(wrong(Rule::Delete { delete: "(".into() }).starts_with("`(` is no regular"));
        assert_eq!(
            wrong(Rule::Named("x".into())),
            "unknown set of rules `x`; known: motoko, times"
        );
    }
}
