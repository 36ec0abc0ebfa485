//! A server that listens nowhere, for `fuzz/`: requests come as values, and answers are returned. Everything behind the wire is the real
//! thing, but for what needs a connection.

use std::sync::Arc;

use super::http::Handler;
use super::options::Options;
use super::request::{Method, Request};
use super::{Server, blobs, gateway, graph, instances};

/// A server that listens nowhere.
pub struct Unheard(Arc<Server>);

impl Default for Unheard {
    fn default() -> Self {
        let options = Options {
            cache_dir: None,
            quiet: true,
            ..Options::default()
        };
        Unheard(Arc::new(Server {
            options,
            instances: instances::Instances::default(),
            blobs: blobs::Blobs::default(),
            graph: graph::Graph::default(),
            gateways: gateway::Gateways::default(),
            activity: Arc::default(),
        }))
    }
}

impl Unheard {
    /// Status and body of the answer to a request, whose body is of this type.
    pub fn ask(&self, verb: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let answer = Arc::clone(&self.0).handle(Request {
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
