//! What JSON needs beyond `serde_json`: compact text that keeps digits and the order of keys, a limit of nesting for
//! text that is passed on unparsed, objects whose members keep their order, and the trimming rule of JavaScript. Owns
//! no values, only text.

use std::borrow::Cow;

use memchr::memchr2;
use serde::Serialize;
use serde_json::value::RawValue;

/// The text of an object that is being written. Members keep the order in which they are added.
#[derive(Clone, Debug)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Object("{".into())
    }
}

impl Object {
    /// No members yet.
    pub fn new() -> Self {
        Object::default()
    }

    /// Adds a member, which must not be there already.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        // Only strings, numbers, lists of them and JSON that was checked: nothing of it can fail.
        let text =
            |value: Result<String, serde_json::Error>| value.unwrap_or_else(|_| "null".into());
        self.separate();
        self.0 += &text(serde_json::to_string(name));
        self.0.push(':');
        self.0 += &text(serde_json::to_string(&value));
        self
    }

    /// Adds the members of another object.
    #[must_use]
    pub fn and(mut self, other: &Object) -> Self {
        if !other.is_empty() {
            self.separate();
            self.0 += &other.0[1..];
        }
        self
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The text, complete.
    pub fn text(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn separate(&mut self) {
        if !self.is_empty() {
            self.0.push(',');
        }
    }
}

/// The text without white space between its tokens. Numbers, keys and their order stay as they are written.
pub fn compact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut inside, mut escaped) = (false, false);
    let mut first_blank = None;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b' ' | b'\t' | b'\n' | b'\r' if !inside => {
                first_blank = Some(at);
                break;
            }
            _ => {}
        }
    }
    let Some(first_blank) = first_blank else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first_blank]);
    (inside, escaped) = (false, false);
    for character in text[first_blank..].chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            ' ' | '\t' | '\n' | '\r' if !inside => continue,
            _ => {}
        }
        out.push(character);
    }
    Cow::Owned(out)
}

/// The same value, as [`compact`] has it.
pub fn on_one_line(value: &RawValue) -> Box<RawValue> {
    let text = compact(value.get()).into_owned();
    // It was JSON before.
    RawValue::from_string(text).unwrap_or_else(|_| value.to_owned())
}

/// Makes sure that valid JSON is not nested deeper than `limit` arrays and objects.
///
/// # Errors
/// What `serde_json` says of text that is nested too deep, with line and column.
pub fn check_depth(text: &str, limit: usize) -> Result<(), String> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = after_string(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    let before = &bytes[..at - 1];
                    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
                    return Err(format!(
                        "recursion limit exceeded at line {line} column {column}"
                    ));
                }
            }
            b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    Ok(())
}

/// The place after a string whose content begins at a place. Modules in base64 are long strings.
fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        match bytes[at - 1] {
            b'"' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The text without the white space that JavaScript's `trim` removes at both ends.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}'))
}

/// One value, as it is written.
///
/// # Errors
/// What is wrong with the text and where; also if it is nested deeper than `depth`.
pub fn parse(text: &str, depth: usize) -> Result<Box<RawValue>, String> {
    let value: Box<RawValue> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    check_depth(text, depth)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacting_keeps_strings_digits_and_order() {
        let text = "{ \"b\" : [ 1.50 , 12345678901234567890 ],\n\t\"a b\\\" c\": \"x  y\\\\\" }";
        assert_eq!(
            compact(text),
            r#"{"b":[1.50,12345678901234567890],"a b\" c":"x  y\\"}"#
        );
        assert!(matches!(compact("[1,\"a b\"]"), Cow::Borrowed(_)));
    }

    #[test]
    fn nesting_is_allowed_up_to_the_limit() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(check_depth(&nested(128), 128).is_ok());
        let error = check_depth(&nested(129), 128).unwrap_err();
        assert_eq!(error, "recursion limit exceeded at line 1 column 129");
        assert!(check_depth("\"[[[\\\"[[[\"", 1).is_ok());
        assert!(check_depth("{\"a\\\\\":[1]}", 2).is_ok());
        assert!(check_depth("{\"a\\\\\":[1]}", 1).is_err());
        assert!(check_depth("\"a\\", 0).is_ok());
    }

    #[test]
    fn members_keep_their_order() {
        let more = Object::new().with("b", ["x"]).with("a\"", 1);
        let object = Object::new()
            .with("z", false)
            .and(&more)
            .and(&Object::new());
        assert_eq!(object.text(), r#"{"z":false,"b":["x"],"a\"":1}"#);
        assert_eq!(Object::new().and(&Object::new()).text(), "{}");
    }

    #[test]
    fn trimming_is_that_of_javascript() {
        assert_eq!(trim("\u{feff}\u{a0} {}\u{2028}\n"), "{}");
        assert_eq!(trim("\u{85}x"), "\u{85}x");
    }
}
