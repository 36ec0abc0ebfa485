//! What stands behind the question mark of a request.

use super::answer::Refusal;

/// Names and values.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

/// A text in which `%41` stands for `A`; `None` for what is no text.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

impl Query {
    /// Reads names and values.
    ///
    /// # Errors
    /// If a text is broken.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decoded(name)?, decoded(&value.replace('+', " "))?))
        };
        let pairs: Option<Vec<_>> = text
            .split('&')
            .filter(|part| !part.is_empty())
            .map(pair)
            .collect();
        pairs
            .map(Self)
            .ok_or_else(|| Refusal::Request(format!("Failed to parse the query string: {text}")))
    }

    /// The value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The same as a number.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let wrong = |value: &str| {
            Refusal::Request(format!(
                "Failed to parse the query string: {name}: `{value}` is not a number"
            ))
        };
        self.get(name)
            .map(|value| value.parse().map_err(|_| wrong(value)))
            .transpose()
    }

    /// The same as a truth; a name alone is true.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn truth(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false" | "no" | "0") => Ok(false),
            Some("" | "true" | "yes" | "1") => Ok(true),
            Some(value) => Err(Refusal::Request(format!(
                "Failed to parse the query string: {name}: `{value}` is neither true nor false"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_values_and_what_is_broken() {
        let query = Query::parse("key=/a%2Fb&flag&n=7&t=x+y").unwrap();
        assert_eq!(query.get("key"), Some("/a/b"));
        assert_eq!(query.get("t"), Some("x y"));
        assert!(query.truth("flag").unwrap() && !query.truth("other").unwrap());
        assert_eq!(query.number::<u32>("n").unwrap(), Some(7));
        assert!(query.number::<u32>("key").is_err());
        for bad in ["a=%", "a=%g1", "%ff=1"] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
    }
}
