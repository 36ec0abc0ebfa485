//! The HTTP client of nodes and proxies: connections that are kept, several addresses for one chain, and texts of
//! errors that never show more of an address than its host. Answers are handed on as they are.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// An address of a node or proxy. Its text form hides user, password, path and query, which may be keys.
#[derive(Clone)]
pub struct Target {
    uri: Uri,
    authorization: Option<HeaderValue>,
    shown: String,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Target {
    /// An `http` or `https` address, with or without user and password.
    ///
    /// # Errors
    /// If it is none. The text does not repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("not a URL")?;
        if !matches!(scheme, "http" | "https") {
            return Err("neither http nor https".into());
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let path = match path.split('#').next() {
            Some(path) if path.starts_with('/') => path.to_owned(),
            Some(path) => format!("/{path}"),
            None => "/".into(),
        };
        let uri = format!("{scheme}://{host}{path}");
        let uri: Uri = uri.parse().map_err(|_| "not a URL")?;
        if uri.host().is_none_or(str::is_empty) {
            return Err("a URL without a host".into());
        }
        let authorization = match credentials {
            None => None,
            Some(credentials) => {
                let basic = format!("Basic {}", BASE64.encode(&percent_decoded(credentials)));
                let mut value = HeaderValue::from_str(&basic).map_err(|_| "not a URL")?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Target {
            shown: format!("{scheme}://{host}/…"),
            uri,
            authorization,
        })
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// More bytes than may be.
    TooLarge,
    /// For the guest, without secrets.
    Transport(String),
}

/// The connections to nodes.
#[derive(Clone)]
pub struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: tokio::runtime::Handle,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstream")
    }
}

impl Upstream {
    /// A client whose connections live on a runtime.
    ///
    /// # Errors
    /// If the cryptography that is compiled in does not do TLS.
    pub fn new(runtime: tokio::runtime::Handle) -> Result<Self, String> {
        let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Upstream { client, runtime })
    }

    /// Where its work is done.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// Asks one after the other until one answers; `limit` bytes at most.
    ///
    /// # Errors
    /// What the last one said.
    pub async fn post(
        &self,
        targets: &[Target],
        body: Bytes,
        limit: usize,
    ) -> Result<Bytes, Trouble> {
        let mut last = Trouble::Transport("no address".into());
        for target in targets {
            match self.post_one(target, body.clone(), limit).await {
                Err(Trouble::Transport(error)) => last = Trouble::Transport(error),
                answer => return answer,
            }
        }
        Err(last)
    }

    async fn post_one(&self, target: &Target, body: Bytes, limit: usize) -> Result<Bytes, Trouble> {
        let trouble = |what: String| Trouble::Transport(format!("{target}: {what}"));
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(target.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| trouble(error.to_string()))?;
        if let Some(authorization) = &target.authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| trouble(innermost(&error)))?;
        let status = answer.status();
        if status.as_u16() == 429 || status.is_server_error() || status.is_redirection() {
            return Err(trouble(format!("status {}", status.as_u16())));
        }
        match Limited::new(answer.into_body(), limit).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Trouble::TooLarge),
            Err(error) => Err(trouble(innermost(&*error))),
        }
    }
}

/// What lies at the bottom of an error; the layers above may repeat an address.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_host_only() {
        let target = Target::parse("https://user:p%40w@eth.example:8545/v3/KEY?k=KEY").unwrap();
        assert_eq!(
            format!("{target} {target:?}"),
            "https://eth.example:8545/… https://eth.example:8545/…"
        );
        assert_eq!(target.uri, "https://eth.example:8545/v3/KEY?k=KEY");
        let basic = format!("Basic {}", BASE64.encode(b"user:p@w"));
        assert_eq!(target.authorization.unwrap(), basic);
    }

    #[test]
    fn what_is_no_address_is_not_repeated() {
        for text in [
            "KEY",
            "ftp://KEY",
            "http://",
            "https://KEY@",
            "http://a b/KEY",
        ] {
            assert!(!Target::parse(text).unwrap_err().contains("KEY"), "{text}");
        }
    }
}
