//! What JSON needs beyond `serde_json`: compact text that keeps digits and the order of keys, a limit of nesting for
//! text that is passed on unparsed, and the trimming rule of JavaScript. Owns no values, only text.

use std::borrow::Cow;

use serde_json::value::RawValue;

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

/// Makes sure that valid JSON is not nested deeper than `limit` arrays and objects.
///
/// # Errors
/// What `serde_json` says of text that is nested too deep, with line and column.
pub fn check_depth(text: &str, limit: usize) -> Result<(), String> {
    let (mut depth, mut inside, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => {
                depth += 1;
                if depth > limit {
                    let before = &text.as_bytes()[..at];
                    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
                    return Err(format!(
                        "recursion limit exceeded at line {line} column {column}"
                    ));
                }
            }
            b']' | b'}' if !inside => depth -= 1,
            _ => {}
        }
    }
    Ok(())
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
    }

    #[test]
    fn trimming_is_that_of_javascript() {
        assert_eq!(trim("\u{feff}\u{a0} {}\u{2028}\n"), "{}");
        assert_eq!(trim("\u{85}x"), "\u{85}x");
    }
}
