//! Which cases are wanted: names as they are printed, texts, patterns, their opposites, and shares of a suite.

use globset::GlobMatcher;

use super::case::Case;

/// What a name must be like.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// It contains the text.
    Contains(String),
    /// It is the text.
    Is(String),
    /// It matches, or its end behind a slash does.
    Glob(Box<GlobMatcher>),
    /// It is not like that.
    Not(Box<Pattern>),
}

impl Pattern {
    /// Reads a pattern: a text, one with `*`, `?` or `[`, or either behind `!`.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn new(text: &str) -> Result<Self, String> {
        if let Some(opposite) = text.strip_prefix('!') {
            return Ok(Pattern::Not(Box::new(Pattern::new(opposite)?)));
        }
        if !text.contains(['*', '?', '[']) {
            return Ok(Pattern::Contains(text.to_owned()));
        }
        let glob = globset::GlobBuilder::new(text)
            .literal_separator(true)
            .build()
            .map_err(|error| format!("`{text}` is no pattern: {}", error.kind()))?;
        Ok(Pattern::Glob(Box::new(glob.compile_matcher())))
    }

    /// A name as it is printed, with or without the ending of the script or of the expected output.
    pub fn exactly(name: &str) -> Self {
        let name = name.strip_prefix("./").unwrap_or(name);
        let stem = [".drun", ".ok", ".mo"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(name);
        let stem = stem.strip_suffix("/script").unwrap_or(stem);
        Pattern::Is(stem.trim_end_matches('/').to_owned())
    }

    /// Whether a name is like that.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Contains(text) => name.contains(text),
            Pattern::Is(text) => name == text,
            Pattern::Glob(glob) => {
                let ends = name.match_indices('/').map(|(at, _)| &name[at + 1..]);
                std::iter::once(name)
                    .chain(ends)
                    .any(|end| glob.is_match(end))
            }
            Pattern::Not(pattern) => !pattern.matches(name),
        }
    }
}

/// Keeps the cases that one of the patterns wants and that no opposite excludes.
pub fn filter(cases: &mut Vec<Case>, patterns: &[Pattern]) {
    let (excluding, wanting): (Vec<_>, Vec<_>) = patterns
        .iter()
        .partition(|pattern| matches!(pattern, Pattern::Not(_)));
    cases.retain(|case| {
        (wanting.is_empty() || wanting.iter().any(|pattern| pattern.matches(&case.name)))
            && excluding.iter().all(|pattern| pattern.matches(&case.name))
    });
}

/// A share of a suite: `index` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    index: u64,
    count: u64,
}

impl std::str::FromStr for Partition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Partition { index, count }),
            _ => Err("expected m/n with m from 1 to n, for example 1/4"),
        }
    }
}

impl Partition {
    /// Keeps the share. Which one a case belongs to depends on nothing but its name.
    pub fn keep(self, cases: &mut Vec<Case>) {
        cases.retain(|case| self.has(&case.key));
    }

    fn has(self, key: &str) -> bool {
        fnv1a(key.as_bytes()) % self.count == self.index - 1
    }
}

/// The hash FNV-1a of 64 bits: short, and the same on every machine.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_text_a_glob_or_the_opposite() {
        let matches = |pattern: &str, name: &str| Pattern::new(pattern).unwrap().matches(name);
        assert!(matches("b/c", "a/b/cd"));
        assert!(!matches("x", "a/b"));
        assert!(matches("c*", "a/b/cd"));
        assert!(matches("b/*", "a/b/cd"));
        assert!(!matches("a/*", "a/b/cd"), "a star ends at a slash");
        assert!(matches("a/**", "a/b/cd"));
        assert!(matches("!x", "a/b") && !matches("!a*", "a"));
        assert!(Pattern::new("[").is_err());
    }

    #[test]
    fn names_are_taken_as_they_are_printed() {
        for name in [
            "a/b",
            "a/b.drun",
            "a/b.ok",
            "a/b/script.drun",
            "./a/b.drun",
            "a/b/",
        ] {
            assert!(Pattern::exactly(name).matches("a/b"), "{name}");
        }
        assert!(!Pattern::exactly("a").matches("a/b"));
    }

    #[test]
    fn shares_are_disjoint_and_complete() {
        let shares: Vec<Partition> = ["1/3", "2/3", "3/3"]
            .map(|share| share.parse().unwrap())
            .to_vec();
        let mut sizes = [0; 3];
        for n in 0..50 {
            let key = format!("case-{n}");
            let holders: Vec<usize> = (0..3).filter(|share| shares[*share].has(&key)).collect();
            assert_eq!(holders.len(), 1, "{key}");
            sizes[holders[0]] += 1;
        }
        assert!(sizes.iter().all(|size| *size > 5), "{sizes:?}");
    }

    /// The published test vectors of FNV-1a: the empty text, "a" and "foobar".
    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn partitions_count_from_one() {
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
        assert_eq!("2/2".parse(), Ok(Partition { index: 2, count: 2 }));
    }
}
