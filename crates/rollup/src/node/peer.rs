//! Another node that is asked for its commitments and states (rollup-node.md, section 11).

use serde_json::Value;

use super::http;

/// A node that is asked.
pub(super) struct Peer<'a>(pub(super) &'a str);

impl Peer<'_> {
    /// The answer to GET.
    ///
    /// # Errors
    /// If there is none, or it is a refusal.
    pub(super) fn get(&self, path: &str) -> Result<Value, String> {
        let url = format!("{}{path}", self.0.trim_end_matches('/'));
        let answer = http::request("GET", &url, None)?;
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 {
            let errors: Value = serde_json::from_str(&text).unwrap_or_default();
            let what = errors[0]["msg"].as_str().unwrap_or(text.trim());
            return Err(format!("{url}: HTTP status {}: {what}", answer.status));
        }
        serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
    }

    /// A text.
    ///
    /// # Errors
    /// As for [`Peer::get`], or if it is something else.
    pub(super) fn text(&self, path: &str) -> Result<String, String> {
        let value = self.get(path)?;
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| format!("{}{path}: expected a string", self.0))
    }

    /// A level, in a field or as the whole answer.
    ///
    /// # Errors
    /// As for [`Peer::get`], or if it is something else.
    pub(super) fn level(&self, path: &str, field: &str) -> Result<i32, String> {
        let value = self.get(path)?;
        let number = if field.is_empty() {
            &value
        } else {
            value.pointer(field).unwrap_or(&Value::Null)
        };
        let number = number
            .as_i64()
            .and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| format!("{}{path}: expected a level", self.0))
    }

    /// The hash of a block's commitment, or null.
    ///
    /// # Errors
    /// As for [`Peer::get`].
    pub(super) fn commitment(&self, level: i32) -> Result<Value, String> {
        Ok(self.get(&format!("/global/block/{level}"))?["commitment_hash"].take())
    }

    /// The hash of the state after a block.
    ///
    /// # Errors
    /// As for [`Peer::get`].
    pub(super) fn state(&self, level: i32) -> Result<String, String> {
        self.text(&format!("/global/block/{level}/state_hash"))
    }

    /// The messages of a block.
    ///
    /// # Errors
    /// As for [`Peer::get`], or if they are no messages.
    pub(super) fn messages(&self, level: i32) -> Result<Vec<Vec<u8>>, String> {
        let block = self.get(&format!("/global/block/{level}"))?;
        let items = block["messages"].as_array().into_iter().flatten();
        let messages: Option<Vec<_>> = items
            .map(|message| hex::decode(message.as_str()?).ok())
            .collect();
        messages.ok_or_else(|| format!("{}: level {level} has strange messages", self.0))
    }

    /// The hashes of states within a block, by ticks; `None` behind the end.
    ///
    /// # Errors
    /// As for [`Peer::get`], or if there are not as many.
    pub(super) fn states(&self, level: i32, ticks: &[u64]) -> Result<Vec<Option<String>>, String> {
        let list: Vec<String> = ticks.iter().map(ToString::to_string).collect();
        let path = format!("/sandbox/dissection/{level}?ticks={}", list.join(","));
        let answer = self.get(&path)?;
        let states = answer.as_array().into_iter().flatten();
        let states: Vec<Option<String>> = states
            .map(|state| state["state_hash"].as_str().map(str::to_owned))
            .collect();
        if states.len() == ticks.len() {
            Ok(states)
        } else {
            Err(format!("{}{path}: not as many states as ticks", self.0))
        }
    }

    /// The ticks of a block.
    ///
    /// # Errors
    /// As for [`Peer::get`], or if they are no number.
    pub(super) fn ticks(&self, level: i32) -> Result<u64, String> {
        let ticks = self.text(&format!("/global/block/{level}/ticks"))?;
        ticks
            .parse()
            .map_err(|_| format!("{}: `{ticks}` is no number of ticks", self.0))
    }
}
