//! The nodes and proxies that are asked: their addresses, connections that are kept, several addresses for one chain, and
//! texts of errors that never show more of an address than its host. Answers are handed on as they are.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use data_encoding::BASE64;
use hyper::Uri;

use super::http::{Answer, Broken, Connection};

/// Connections without a request that are kept for each address, and for how long.
const MAX_IDLE: usize = 64;
const IDLE: Duration = Duration::from_secs(30);
/// The number of the first request. Below it is what nodes and stubs answer with that give everybody the same.
const FIRST_ID: u64 = 2;

/// An address of a node or proxy. Its text form hides user, password, path and query, which may be keys.
#[derive(Clone)]
pub struct Target {
    https: bool,
    /// Without the brackets of an address of IPv6.
    host: String,
    port: u16,
    /// The head of a request up to the length of its body.
    head: String,
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
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
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
        let host_of_uri = uri.host().unwrap_or_default();
        let name = host_of_uri.trim_start_matches('[').trim_end_matches(']');
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut head =
            format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n");
        if let Some(credentials) = credentials {
            let credentials = BASE64.encode(&percent_decoded(credentials));
            head += &format!("authorization: Basic {credentials}\r\n");
        }
        let https = scheme == "https";
        Ok(Target {
            https,
            host: name.to_owned(),
            port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }),
            head: head + "content-length: ",
            shown: format!("{scheme}://{host}/…"),
        })
    }
}

impl Target {
    /// What tells its connections from others.
    fn key(&self) -> Key {
        (self.https, self.host.clone(), self.port)
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

/// https or not, host and port.
type Key = (bool, String, u16);
/// Connections that nobody uses at the moment, and since when.
type Idle = HashMap<Key, Vec<(Connection, Instant)>>;

/// The connections to nodes.
#[derive(Clone)]
pub struct Upstream {
    tls: Arc<rustls::ClientConfig>,
    idle: Arc<Mutex<Idle>>,
    asked: Arc<AtomicU64>,
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
        Ok(Upstream {
            tls: Arc::new(tls),
            idle: Arc::default(),
            asked: Arc::default(),
            runtime,
        })
    }

    /// Where its work is done.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// A number for a request that no other one has.
    pub fn next_id(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed) + FIRST_ID
    }

    /// Gives up the connections to these that are kept.
    pub fn hang_up(&self, targets: &[Target]) {
        let mut idle = self.lock();
        for target in targets {
            idle.remove(&target.key());
        }
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
            match self.post_one(target, &body, limit).await {
                Err(Trouble::Transport(error)) => last = Trouble::Transport(error),
                answer => return answer,
            }
        }
        Err(last)
    }

    async fn post_one(&self, target: &Target, body: &[u8], limit: usize) -> Result<Bytes, Trouble> {
        let trouble = |what: String| Trouble::Transport(format!("{target}: {what}"));
        let mut request = format!("{}{}\r\n\r\n", target.head, body.len()).into_bytes();
        request.extend_from_slice(body);
        let answer = match self.exchange(target, &request, limit).await {
            Ok(answer) => answer,
            Err(Broken::TooLarge) => return Err(Trouble::TooLarge),
            Err(Broken::Silent(error) | Broken::Failed(error)) => {
                return Err(trouble(innermost(&error)));
            }
        };
        match answer.status {
            429 | 300..400 | 500.. => Err(trouble(format!("status {}", answer.status))),
            _ => Ok(answer.body.into()),
        }
    }

    /// Over a connection that is kept, if there is one. A node may close it at any time, which is no answer: all that is
    /// asked here only reads, so it is asked again.
    async fn exchange(
        &self,
        target: &Target,
        request: &[u8],
        limit: usize,
    ) -> Result<Answer, Broken> {
        let key = target.key();
        if let Some(mut kept) = self.kept(&key) {
            match kept.exchange(request, limit).await {
                Err(Broken::Silent(_)) => {}
                answer => return answer.inspect(|answer| self.keep(key, kept, answer)),
            }
        }
        let tls = target.https.then_some(&self.tls);
        let mut new = Connection::open(&target.host, target.port, tls).await?;
        let answer = new.exchange(request, limit).await?;
        self.keep(key, new, &answer);
        Ok(answer)
    }

    fn kept(&self, key: &Key) -> Option<Connection> {
        let mut idle = self.lock();
        let kept = idle.get_mut(key)?;
        while let Some((mut connection, since)) = kept.pop() {
            if since.elapsed() >= IDLE {
                break;
            }
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        // All others are older, if there are any.
        idle.remove(key);
        None
    }

    fn keep(&self, key: Key, connection: Connection, answer: &Answer) {
        if answer.reusable {
            let mut idle = self.lock();
            let kept = idle.entry(key).or_default();
            if kept.len() < MAX_IDLE {
                kept.push((connection, Instant::now()));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!((target.host.as_str(), target.port), ("eth.example", 8545));
        let basic = BASE64.encode(b"user:p@w");
        let head = "POST /v3/KEY?k=KEY HTTP/1.1\r\nhost: eth.example:8545\r\ncontent-type: application/json\r\n";
        assert_eq!(
            target.head,
            format!("{head}authorization: Basic {basic}\r\ncontent-length: ")
        );
        let target = Target::parse("HTTP://[::1]").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 80));
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

    /// A node that says something after its answer, before the next question: that is nobody's answer.
    #[test]
    fn what_a_node_says_unasked_is_not_heard() {
        use std::io::{Read, Write};
        use std::net::TcpListener;
        let node = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", node.local_addr().unwrap());
        let (said, hears) = std::sync::mpsc::channel();
        let (goes_on, waits) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let answer = |text: &str| {
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}",
                    text.len()
                )
            };
            let mut first = node.accept().unwrap().0;
            assert!(first.read(&mut [0; 1000]).unwrap() > 0);
            first.write_all(answer("one").as_bytes()).unwrap();
            // Not before the first answer was read and its connection kept.
            waits.recv().unwrap();
            first.write_all(answer("unasked").as_bytes()).unwrap();
            said.send(()).unwrap();
            let mut second = node.accept().unwrap().0;
            assert!(second.read(&mut [0; 1000]).unwrap() > 0);
            second.write_all(answer("two").as_bytes()).unwrap();
        });
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let upstream = Upstream::new(runtime.handle().clone()).unwrap();
        let targets = [Target::parse(&url).unwrap()];
        runtime.block_on(async {
            let ask = || upstream.post(&targets, Bytes::from("?"), 100);
            assert_eq!(ask().await.unwrap(), "one");
            goes_on.send(()).unwrap();
            hears.recv().unwrap();
            // The runtime has to notice.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(ask().await.unwrap(), "two");
        });
        thread.join().unwrap();
    }
}
