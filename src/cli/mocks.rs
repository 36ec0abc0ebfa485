//! `http_mocks` of a configuration: a list of objects, each with the requests that it is for and what it answers.
//!
//! Owns the form and its mistakes, each told with the entry and the field. What a mock does is known to `drun_ic::mock`.

use data_encoding::BASE64;
use drun_ic::management::types::http::{HttpHeader, HttpMethod, HttpResponse};
use serde_json::{Map, Value};

use crate::runner::config::{Mock, MockedAnswer};

/// The mocks of a configuration, and the keys of them that mean nothing, each with its place: `http_mocks[0].delay`.
///
/// # Errors
/// What is wrong, beginning with its place.
pub(super) fn read(value: &Value) -> Result<(Vec<Mock>, Vec<String>), String> {
    let mut unknown = Vec::new();
    let place = "http_mocks";
    let mocks = list(value, place, "a list of mocks")?
        .map(|(place, value)| mock(value, &place, &mut unknown))
        .collect::<Result<_, _>>()?;
    Ok((mocks, unknown))
}

/// What stands where something else is expected.
fn expected(place: &str, what: &str, got: &Value) -> String {
    let mut got = got.to_string();
    if got.chars().count() > 60 {
        got = got.chars().take(60).chain("...".chars()).collect();
    }
    format!("{place}: expected {what}, got {got}")
}

/// The elements of a list with their places.
fn list<'a>(
    value: &'a Value,
    place: &str,
    what: &str,
) -> Result<impl Iterator<Item = (String, &'a Value)>, String> {
    let elements = value
        .as_array()
        .ok_or_else(|| expected(place, what, value))?;
    let place = place.to_owned();
    let numbered = elements.iter().enumerate();
    Ok(numbered.map(move |(index, value)| (format!("{place}[{index}]"), value)))
}

fn text<'a>(value: &'a Value, place: &str) -> Result<&'a str, String> {
    value
        .as_str()
        .ok_or_else(|| expected(place, "a string", value))
}

/// An object of which every key is asked for or told to be unknown.
struct Fields<'a> {
    place: String,
    entries: &'a Map<String, Value>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn new(value: &'a Value, place: &str, what: &str) -> Result<Self, String> {
        Ok(Fields {
            place: place.to_owned(),
            entries: value
                .as_object()
                .ok_or_else(|| expected(place, what, value))?,
            asked: Vec::new(),
        })
    }

    fn get(&mut self, key: &'static str) -> Option<(String, &'a Value)> {
        self.asked.push(key);
        let value = self.entries.get(key)?;
        Some((format!("{}.{key}", self.place), value))
    }

    /// Bytes: as text under the key, or under one of the two others in digits; at most one of them.
    fn bytes(&mut self, keys: [&'static str; 3]) -> Result<Option<Vec<u8>>, String> {
        let mut found: Option<(&'static str, Vec<u8>)> = None;
        for (index, key) in keys.into_iter().enumerate() {
            let Some((place, value)) = self.get(key) else {
                continue;
            };
            let text = text(value, &place)?;
            let bytes = match index {
                0 => Ok(text.as_bytes().to_vec()),
                1 => hex::decode(text).map_err(|_| "hexadecimal digits, two for a byte"),
                _ => BASE64.decode(text.as_bytes()).map_err(|_| "base64"),
            };
            let bytes = bytes.map_err(|what| expected(&place, what, value))?;
            if let Some((other, _)) = found {
                return Err(format!("{place}: there is {other} already"));
            }
            found = Some((key, bytes));
        }
        Ok(found.map(|(_, bytes)| bytes))
    }

    /// Tells the keys that nobody has asked for.
    fn end(self, unknown: &mut Vec<String>) {
        let keys = self.entries.keys();
        let unasked = keys.filter(|key| !self.asked.contains(&key.as_str()));
        unknown.extend(unasked.map(|key| format!("{}.{key}", self.place)));
    }
}

fn mock(value: &Value, place: &str, unknown: &mut Vec<String>) -> Result<Mock, String> {
    let mut fields = Fields::new(value, place, "an object { url, status, headers, body }")?;
    let Some((at, url)) = fields.get("url") else {
        return Err(format!("{place}.url: it is missing"));
    };
    let url = text(url, &at)?.to_owned();
    let method = match fields.get("method") {
        None => None,
        Some((at, value)) => Some(method(value, &at)?),
    };
    let request_body = fields.bytes(["request_body", "request_body_hex", "request_body_base64"])?;
    let answers = match fields.get("answers") {
        None => vec![answer(&mut fields)?],
        Some((at, value)) => {
            let own = [
                "status",
                "headers",
                "body",
                "body_hex",
                "body_base64",
                "reject",
                "timeout",
            ];
            if let Some(key) = own.iter().find(|key| fields.entries.contains_key(**key)) {
                return Err(format!("{place}.{key}: it belongs into one of the answers"));
            }
            let answers = list(value, &at, "a list of answers")?
                .map(|(place, value)| {
                    let what = "an object { status, headers, body }, { reject } or { timeout }";
                    let mut fields = Fields::new(value, &place, what)?;
                    let answer = answer(&mut fields)?;
                    fields.end(unknown);
                    Ok(answer)
                })
                .collect::<Result<Vec<_>, String>>()?;
            if answers.is_empty() {
                return Err(expected(&at, "at least one answer", value));
            }
            answers
        }
    };
    fields.end(unknown);
    Ok(Mock {
        url,
        method,
        request_body,
        answers,
    })
}

fn method(value: &Value, place: &str) -> Result<HttpMethod, String> {
    let name = text(value, place)?;
    let mut all = HttpMethod::ALL.into_iter();
    all.find(|method| method.name().eq_ignore_ascii_case(name))
        .ok_or_else(|| expected(place, "GET, HEAD, POST, PUT, DELETE or PATCH", value))
}

/// A response, a reject or a time-out, of the fields that an answer has.
fn answer(fields: &mut Fields<'_>) -> Result<MockedAnswer, String> {
    let response = ["status", "headers", "body", "body_hex", "body_base64"];
    let given = response
        .iter()
        .find(|key| fields.entries.contains_key(**key));
    let (reject, timeout) = (fields.get("reject"), fields.get("timeout"));
    if let Some((at, _)) = reject.as_ref().or(timeout.as_ref())
        && let Some(key) = given
    {
        return Err(format!("{at}: there is {key} already"));
    }
    match (reject, timeout) {
        (Some(_), Some((at, _))) => Err(format!("{at}: there is reject already")),
        (Some((at, value)), None) => {
            let mut reject = Fields::new(value, &at, "an object { code, message }")?;
            let code = match reject.get("code") {
                None => return Err(format!("{at}.code: it is missing")),
                Some((at, value)) => whole(value, &at, 1, 6)? as u8,
            };
            let message = match reject.get("message") {
                None => String::new(),
                Some((at, value)) => text(value, &at)?.to_owned(),
            };
            let known = ["code", "message"];
            if let Some(key) = reject.entries.keys().find(|key| !known.contains(&&***key)) {
                return Err(format!("{at}.{key}: a reject has code and message only"));
            }
            Ok(MockedAnswer::Reject(code, message))
        }
        (None, Some((at, value))) => match value {
            Value::Bool(true) => Ok(MockedAnswer::Timeout),
            _ => Err(expected(&at, "true", value)),
        },
        (None, None) => {
            let status = match fields.get("status") {
                None => 200,
                Some((at, value)) => whole(value, &at, 100, 599)?,
            };
            let headers = match fields.get("headers") {
                None => Vec::new(),
                Some((at, value)) => headers(value, &at)?,
            };
            let body = fields.bytes(["body", "body_hex", "body_base64"])?;
            Ok(MockedAnswer::Response(HttpResponse {
                status: status.into(),
                headers,
                body: body.unwrap_or_default(),
            }))
        }
    }
}

fn whole(value: &Value, place: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = value
        .as_u64()
        .filter(|number| (least..=most).contains(number));
    let what = format!("a whole number from {least} to {most}");
    number.ok_or_else(|| expected(place, &what, value))
}

/// Headers in their order: a list of pairs, or an object, in which no name can repeat.
fn headers(value: &Value, place: &str) -> Result<Vec<HttpHeader>, String> {
    let header = |name: &str, value: &str| HttpHeader {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    if let Some(object) = value.as_object() {
        let headers = object.iter().map(|(name, value)| {
            let at = format!("{place}.{name}");
            Ok(header(name, text(value, &at)?))
        });
        return headers.collect();
    }
    let what = "a list of [name, value], or an object";
    list(value, place, what)?
        .map(|(at, pair)| match pair.as_array().map(Vec::as_slice) {
            Some([name, value]) => Ok(header(
                text(name, &format!("{at}[0]"))?,
                text(value, &format!("{at}[1]"))?,
            )),
            _ => Err(expected(&at, "[name, value]", pair)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<Mock>, Vec<String>), String> {
        super::read(&json5::from_str(text).expect("it is JSON5"))
    }

    #[test]
    fn a_mock_tells_requests_and_answers() {
        let text = r#"[
            { url: 'https://a/' },
            { url: 'https://b/', method: 'post', request_body_hex: '00ff', answers: [
                { status: 500, headers: [['a', '1'], ['b', '2'], ['a', '3']], body_base64: 'AP8=' },
                { reject: { code: 2, message: 'later' } },
                { timeout: true },
                { headers: { c: 'd' }, body: 'x' },
            ] },
        ]"#;
        let (mocks, unknown) = read(text).expect("it is right");
        assert_eq!(unknown, [""; 0]);
        let header = |(name, value): (&str, &str)| HttpHeader {
            name: name.into(),
            value: value.into(),
        };
        let response = |status, headers: &[(&str, &str)], body: &[u8]| {
            MockedAnswer::Response(HttpResponse {
                status,
                headers: headers.iter().copied().map(header).collect(),
                body: body.to_vec(),
            })
        };
        assert_eq!(mocks[0].answers, [response(200, &[], b"")]);
        assert_eq!((mocks[0].method, &mocks[0].request_body), (None, &None));
        assert_eq!(mocks[1].method, Some(HttpMethod::Post));
        assert_eq!(mocks[1].request_body.as_deref(), Some(&b"\0\xff"[..]));
        assert_eq!(
            mocks[1].answers,
            [
                response(500, &[("a", "1"), ("b", "2"), ("a", "3")], b"\0\xff"),
                MockedAnswer::Reject(2, "later".into()),
                MockedAnswer::Timeout,
                response(200, &[("c", "d")], b"x"),
            ]
        );
    }

    #[test]
    fn unknown_keys_are_told_with_their_places() {
        let text = "[{ url: 'a' }, { url: 'b', delay: 3, answers: [{ statuses: 1 }] }]";
        let (_, unknown) = read(text).expect("it is right");
        assert_eq!(
            unknown,
            ["http_mocks[1].answers[0].statuses", "http_mocks[1].delay"]
        );
    }

    #[test]
    fn mistakes_name_the_entry_and_the_field() {
        for (text, told) in [
            ("{}", "http_mocks: expected a list of mocks, got {}"),
            (
                "[1]",
                "http_mocks[0]: expected an object { url, status, headers, body }, got 1",
            ),
            ("[{}]", "http_mocks[0].url: it is missing"),
            (
                "[{ url: 'a' }, { url: 'b', status: '500' }]",
                "http_mocks[1].status: expected a whole number from 100 to 599, got \"500\"",
            ),
            (
                "[{ url: 'a', method: 'GETS' }]",
                "http_mocks[0].method: expected GET, HEAD, POST, PUT, DELETE or PATCH, got \"GETS\"",
            ),
            (
                "[{ url: 'a', headers: [['a']] }]",
                "http_mocks[0].headers[0]: expected [name, value], got [\"a\"]",
            ),
            (
                "[{ url: 'a', headers: { b: 1 } }]",
                "http_mocks[0].headers.b: expected a string, got 1",
            ),
            (
                "[{ url: 'a', body: '', body_hex: '' }]",
                "http_mocks[0].body_hex: there is body already",
            ),
            (
                "[{ url: 'a', body_hex: '0' }]",
                "http_mocks[0].body_hex: expected hexadecimal digits, two for a byte, got \"0\"",
            ),
            (
                "[{ url: 'a', status: 200, answers: [] }]",
                "http_mocks[0].status: it belongs into one of the answers",
            ),
            (
                "[{ url: 'a', answers: [] }]",
                "http_mocks[0].answers: expected at least one answer, got []",
            ),
            (
                "[{ url: 'a', answers: [{ timeout: 1 }] }]",
                "http_mocks[0].answers[0].timeout: expected true, got 1",
            ),
            (
                "[{ url: 'a', reject: { code: 7 } }]",
                "http_mocks[0].reject.code: expected a whole number from 1 to 6, got 7",
            ),
            (
                "[{ url: 'a', reject: { code: 1 }, body: 'x' }]",
                "http_mocks[0].reject: there is body already",
            ),
        ] {
            assert_eq!(read(text).expect_err("it is wrong"), told, "{text}");
        }
    }
}
