//! A request as endpoints see it, with its body complete.

use serde::de::DeserializeOwned;

use super::answer::Refusal;

/// The methods that any endpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Delete,
    Options,
    Other,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The method as it came; for endpoints, HEAD is GET.
    pub(crate) verb: String,
    /// The path as it came, without query.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header whose name is given in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON of this shape.
    ///
    /// # Errors
    /// 415 for another type, 400 for what is no JSON, 422 for another shape.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let is_json = self.header("content-type").is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or(kind).trim();
            kind.eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            return Err(Refusal::new(
                415,
                "Expected request with `Content-Type: application/json`",
            ));
        }
        serde_json::from_slice(&self.body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Refusal::new(
                422,
                format!("Failed to deserialize the JSON body into the target type: {error}"),
            ),
            _ => Refusal::bad(format!("Failed to parse the request body as JSON: {error}")),
        })
    }
}
