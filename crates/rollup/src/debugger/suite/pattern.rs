//! Which cases are wanted: names with a text in them, like a pattern, or the opposite; shares of a suite. The same rules as
//! for the golden suites of `drun test`.

use globset::GlobMatcher;

/// What a name must be like.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
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
    pub(super) fn new(text: &str) -> Result<Self, String> {
        if let Some(opposite) = text.strip_prefix('!') {
            return Ok(Self::Not(Box::new(Self::new(opposite)?)));
        }
        if !text.contains(['*', '?', '[']) {
            return Ok(Self::Contains(text.to_owned()));
        }
        let glob = globset::GlobBuilder::new(text)
            .literal_separator(true)
            .build()
            .map_err(|error| format!("`{text}` is no pattern: {}", error.kind()))?;
        Ok(Self::Glob(Box::new(glob.compile_matcher())))
    }

    /// A name as it is printed.
    pub(super) fn exactly(name: &str) -> Self {
        Self::Is(name.trim_end_matches('/').to_owned())
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Contains(text) => name.contains(text),
            Self::Is(text) => name == text,
            Self::Glob(glob) => {
                let ends = name.match_indices('/').map(|(at, _)| &name[at + 1..]);
                std::iter::once(name)
                    .chain(ends)
                    .any(|end| glob.is_match(end))
            }
            Self::Not(pattern) => !pattern.matches(name),
        }
    }
}

/// Whether one of the patterns wants a name and no opposite excludes it.
pub(super) fn wants(patterns: &[Pattern], name: &str) -> bool {
    let (excluding, wanting): (Vec<_>, Vec<_>) = patterns
        .iter()
        .partition(|pattern| matches!(pattern, Pattern::Not(_)));
    (wanting.is_empty() || wanting.iter().any(|pattern| pattern.matches(name)))
        && excluding.iter().all(|pattern| pattern.matches(name))
}

/// A share of a suite: `index` of `count`, from 1. Which one a case belongs to depends on its name only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition {
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
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("expected m/n with m from 1 to n, for example 1/4"),
        }
    }
}

impl Partition {
    /// Whether a case is in the share.
    pub(super) fn has(self, name: &str) -> bool {
        // FNV-1a of 64 bits: short, and the same on every machine.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash % self.count == self.index - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_want_and_exclude() {
        let wants = |texts: &[&str], name: &str| {
            let patterns: Vec<_> = texts
                .iter()
                .map(|text| Pattern::new(text).unwrap())
                .collect();
            super::wants(&patterns, name)
        };
        assert!(wants(&[], "a/b"));
        assert!(wants(&["b/c"], "a/b/cd") && !wants(&["x"], "a/b"));
        assert!(wants(&["c*"], "a/b/cd") && wants(&["b/*"], "a/b/cd"));
        assert!(!wants(&["a/*"], "a/b/cd"), "a star ends at a slash");
        assert!(wants(&["!x"], "a/b") && !wants(&["!a*"], "a"));
        assert!(!wants(&["a", "!b"], "a/b") && wants(&["x", "a"], "a/b"));
        assert!(Pattern::new("[").is_err());
        assert!(super::wants(&[Pattern::exactly("a/b/")], "a/b"));
    }

    #[test]
    fn every_case_is_in_one_share() {
        let shares: Vec<Partition> = (1..=3).map(|n| format!("{n}/3").parse().unwrap()).collect();
        for name in ["a", "b/c", "d"] {
            assert_eq!(shares.iter().filter(|share| share.has(name)).count(), 1);
        }
        assert!("0/3".parse::<Partition>().is_err() && "4/3".parse::<Partition>().is_err());
    }
}
