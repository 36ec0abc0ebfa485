//! HTTP requests of canisters that go out into the world, as they do on an instance that goes on by itself (pocket-ic-api.md 2.7 and
//! 3.11). The second half of the async room beside `http`; which requests are sent is decided in `auto_progress`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use drun_ic::management::types::http::{HttpHeader, HttpMethod, HttpRequestArgs, HttpResponse};
use drun_ic::net::HttpAnswer;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Time for an answer to be there as a whole.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of the largest body, if a request does not say less.
const MAX_BYTES: u64 = 2_000_000;
/// Reject codes: it will not be better the next time; perhaps it will.
const FATAL: u64 = 1;
const TRANSIENT: u64 = 2;

/// Who is believed to be who he says, beyond the certificates of the system of public keys of the web.
static TLS: LazyLock<Result<TlsConnector, String>> = LazyLock::new(|| {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
});

/// A request that goes out.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) method: HttpMethod,
    pub(crate) url: String,
    pub(crate) headers: Vec<HttpHeader>,
    pub(crate) body: Vec<u8>,
    pub(crate) max_bytes: u64,
}

impl Outbound {
    /// The request of a canister.
    pub(crate) fn of(args: &HttpRequestArgs) -> Self {
        Outbound {
            method: args.method,
            url: args.url.clone(),
            headers: args.headers.0.clone(),
            body: args
                .body
                .as_ref()
                .map_or_else(Vec::new, |body| body.to_vec()),
            max_bytes: args.max_response_bytes.unwrap_or(MAX_BYTES),
        }
    }

    /// Sends it, once, and tells what came back. Redirections are answers like others.
    pub(crate) async fn send(self) -> HttpAnswer {
        let url = self.url.clone();
        let failed = |code, text| HttpAnswer::Reject(code, text);
        match tokio::time::timeout(PATIENCE, self.exchange()).await {
            Ok(Ok(response)) => HttpAnswer::Reply(response),
            Ok(Err((code, reason))) => failed(code, reason),
            Err(_) => failed(
                TRANSIENT,
                format!(
                    "{url} has not answered within {} seconds",
                    PATIENCE.as_secs()
                ),
            ),
        }
    }

    async fn exchange(self) -> Result<HttpResponse, (u64, String)> {
        let uri: Uri = self
            .url
            .parse()
            .map_err(|error| (FATAL, format!("Failed to parse URL: {error}")))?;
        let host = uri
            .host()
            .ok_or_else(|| (FATAL, format!("the URL {uri} has no host")))?
            .to_owned();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err((FATAL, format!("the URL {uri} is neither https nor http"))),
        };
        let port = port(&uri).map_err(|why| (FATAL, why))?;
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        let unreachable = |error: &dyn std::fmt::Display| {
            (TRANSIENT, format!("Connecting to {host} failed: {error}"))
        };
        let address = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let stream = TcpStream::connect((address.as_str(), port)).await;
        let stream = stream.map_err(|error| unreachable(&error))?;
        let request = self.request(&uri)?;
        let response = if secure {
            let tls = TLS.as_ref().map_err(|error| (FATAL, error.clone()))?;
            let name = ServerName::try_from(address).map_err(|error| unreachable(&error))?;
            let stream = tls.connect(name, stream).await;
            over(stream.map_err(|error| unreachable(&error))?, request).await
        } else {
            over(stream, request).await
        };
        let response = response.map_err(|error| unreachable(&error))?;
        self.read(response).await
    }

    fn request(&self, uri: &Uri) -> Result<Request<Full<Bytes>>, (u64, String)> {
        let path = path(uri);
        let mut builder = Request::builder().method(self.method.name()).uri(path);
        let given = |name: &str| {
            let mut headers = self.headers.iter();
            headers.any(|header| header.name.eq_ignore_ascii_case(name))
        };
        if !given("host") {
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            // Who may use it is not the server's business.
            let host = authority.rsplit('@').next().unwrap_or(authority);
            builder = builder.header("host", host);
        }
        if !given("user-agent") {
            builder = builder.header("user-agent", "drun");
        }
        for header in &self.headers {
            builder = builder.header(&header.name, &header.value);
        }
        builder
            .body(Full::new(Bytes::from(self.body.clone())))
            .map_err(|error| (FATAL, format!("the request cannot be sent: {error}")))
    }

    async fn read(&self, response: Response<Incoming>) -> Result<HttpResponse, (u64, String)> {
        let (head, body) = response.into_parts();
        let limit = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        let body = Limited::new(body, limit).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => (
                FATAL,
                format!("Http body exceeds size limit of {} bytes.", self.max_bytes),
            ),
            None => (TRANSIENT, format!("Failed to fetch body: {error}")),
        })?;
        let headers = head.headers.iter().map(|(name, value)| HttpHeader {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        });
        Ok(HttpResponse {
            status: head.status.as_u16().into(),
            headers: headers.collect(),
            body: body.to_bytes().into(),
        })
    }
}

/// The port that a URL names, if any.
///
/// # Errors
/// If there is no such port.
fn port(uri: &Uri) -> Result<Option<u16>, String> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let place = authority.rsplit('@').next().unwrap_or(authority);
    let port = place.strip_prefix(uri.host().unwrap_or(""));
    match port.and_then(|port| port.strip_prefix(':')) {
        None | Some("") => Ok(None),
        Some(port) => match port.parse() {
            Ok(port) => Ok(Some(port)),
            Err(_) => Err(format!("Failed to parse URL: there is no port {port}")),
        },
    }
}

/// What is asked for at a host: a URL may have a query without a path before it.
fn path(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    }
}

/// One request over a connection of its own.
async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> hyper::Result<Response<Incoming>> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // What goes wrong with it shows in the answer.
    tokio::spawn(connection);
    sender.send_request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_port_and_a_path() {
        for (url, expected_port, expected_path) in [
            ("http://h", Ok(None), "/"),
            ("http://h?a=b", Ok(None), "/?a=b"),
            ("http://h:81?a", Ok(Some(81)), "/?a"),
            ("http://u:p@h:82/x?a", Ok(Some(82)), "/x?a"),
            ("http://[::1]:83/x", Ok(Some(83)), "/x"),
            ("http://[::1]/", Ok(None), "/"),
            ("http://h:/x", Ok(None), "/x"),
            (
                "http://h:99999/x",
                Err("Failed to parse URL: there is no port 99999"),
                "/x",
            ),
        ] {
            let uri: Uri = url.parse().unwrap();
            assert_eq!(port(&uri), expected_port.map_err(str::to_owned), "{url}");
            assert_eq!(path(&uri), expected_path, "{url}");
        }
    }
}
