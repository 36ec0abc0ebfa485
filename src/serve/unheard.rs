//! A server that listens nowhere, for `fuzz/`: requests come as values, and answers are returned. Everything behind the wire is the real
//! thing, but for what needs a connection.

use std::sync::Arc;

use super::Server;
use super::http::Handler;
use super::options::Options;
use super::request::{Method, Request};

/// A server that listens nowhere.
pub struct Unheard {
    server: Arc<Server>,
    /// Drives nothing: what would wait for a connection waits for ever.
    _runtime: tokio::runtime::Runtime,
}

impl Default for Unheard {
    fn default() -> Self {
        let options = Options {
            cache_dir: None,
            quiet: true,
            ..Options::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime that drives nothing needs nothing");
        let server = Arc::new(Server::new(options, runtime.handle()));
        Unheard {
            server,
            _runtime: runtime,
        }
    }
}

impl Unheard {
    /// Status and body of the answer to a request, whose body is of this type.
    pub fn ask(&self, verb: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let answer = Arc::clone(&self.server).handle(Request {
            method: match verb {
                "GET" => Method::Get,
                "POST" => Method::Post,
                "DELETE" => Method::Delete,
                _ => Method::Other,
            },
            verb: verb.to_owned(),
            path: path.to_owned(),
            query: None,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.to_vec(),
        });
        (answer.status, answer.body)
    }
}
