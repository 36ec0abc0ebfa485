//! What a name must be like: as it is printed, with a text in it, like a pattern, or the opposite.

use globset::GlobMatcher;

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
}
