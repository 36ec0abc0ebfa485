//! One exchange of HTTP/1.1 over a connection that may be used again: a POST and its answer, with limits. A job that waits
//! for its node costs a connection and next to no memory: bytes get room when they are there. Knows no JSON, and no
//! addresses but the one it connects to.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Bytes that are read at once.
const PART: usize = 16 << 10;
/// Bytes of the head of an answer, and of all that surrounds chunks.
const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 100;

/// A connection to a node.
pub(super) enum Connection {
    /// Without encryption.
    Plain(TcpStream),
    /// With it.
    Tls(Box<TlsStream<TcpStream>>),
}

/// An answer.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// Whether the connection is good for another exchange.
    pub(super) reusable: bool,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Broken {
    /// The other end was gone before it said anything: it may have closed a connection that was not in use.
    Silent(io::Error),
    /// Anything else that is wrong with the connection or what came over it.
    Failed(io::Error),
    /// More bytes than may be.
    TooLarge,
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Failed(error)
    }
}

fn wrong(what: &str) -> Broken {
    Broken::Failed(io::Error::new(io::ErrorKind::InvalidData, what))
}

impl Connection {
    /// Connects; with `tls` for https.
    ///
    /// # Errors
    /// What the system or the other end's certificate says.
    pub(super) async fn open(
        host: &str,
        port: u16,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = tls else {
            return Ok(Connection::Plain(stream));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(tls.clone())
            .connect(name, stream)
            .await?;
        Ok(Connection::Tls(Box::new(stream)))
    }

    /// Sends a request and reads its answer, whose body has at most `limit` bytes.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        limit: usize,
    ) -> Result<Answer, Broken> {
        self.write(request).await.map_err(Broken::Silent)?;
        let mut reader = Reader {
            connection: self,
            bytes: Vec::new(),
        };
        reader.answer(limit).await
    }

    /// Whether there is nothing to read. What comes before a request answers none, and an end is the end.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut unasked = Vec::new();
        let mut nobody = Context::from_waker(Waker::noop());
        self.poll_more(&mut nobody, &mut unasked).is_pending()
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            let count = poll_fn(|cx| match self {
                Connection::Plain(stream) => Pin::new(stream).poll_write(cx, rest),
                Connection::Tls(stream) => Pin::new(stream).poll_write(cx, rest),
            });
            match count.await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => written += count,
            }
        }
        poll_fn(|cx| match self {
            Connection::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_flush(cx),
        })
        .await
    }

    /// Appends what there is to read; its length, 0 at the end.
    fn poll_more(&mut self, cx: &mut Context<'_>, to: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        // On the stack of this call, which is gone while there is nothing.
        let mut part = [MaybeUninit::uninit(); PART];
        let mut part = ReadBuf::uninit(&mut part);
        ready!(match self {
            Connection::Plain(stream) => Pin::new(stream).poll_read(cx, &mut part),
            Connection::Tls(stream) => Pin::new(stream).poll_read(cx, &mut part),
        })?;
        to.extend_from_slice(part.filled());
        Poll::Ready(Ok(part.filled().len()))
    }
}

/// Where a body ends.
enum Length {
    Known(usize),
    Chunked,
    /// With the connection.
    Open,
}

struct Head {
    status: u16,
    bytes: usize,
    length: Length,
    reusable: bool,
}

struct Reader<'a> {
    connection: &'a mut Connection,
    /// Read and not yet used.
    bytes: Vec<u8>,
}

impl Reader<'_> {
    async fn answer(&mut self, limit: usize) -> Result<Answer, Broken> {
        let head = loop {
            let head = self.head().await?;
            self.bytes.drain(..head.bytes);
            // What comes before the answer proper says nothing to us.
            if head.status >= 200 {
                break head;
            }
        };
        let body = match head.length {
            Length::Known(length) if length > limit => return Err(Broken::TooLarge),
            Length::Known(length) => self.take(length).await?,
            Length::Chunked => self.chunks(limit).await?,
            Length::Open => {
                while self.more().await? > 0 {
                    if self.bytes.len() > limit {
                        break;
                    }
                }
                std::mem::take(&mut self.bytes)
            }
        };
        if body.len() > limit {
            return Err(Broken::TooLarge);
        }
        Ok(Answer {
            status: head.status,
            body,
            // What comes unasked belongs to no request.
            reusable: head.reusable && self.bytes.is_empty(),
        })
    }

    async fn head(&mut self) -> Result<Head, Broken> {
        loop {
            if let Some(head) = parse_head(&self.bytes)? {
                return Ok(head);
            }
            if self.bytes.len() > MAX_HEAD {
                return Err(wrong("the head of the answer is too long"));
            }
            let silent = self.bytes.is_empty();
            match self.more().await {
                Ok(0) if silent => {
                    return Err(Broken::Silent(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(0) => return Err(ended()),
                Ok(_) => {}
                Err(error) if silent => return Err(Broken::Silent(error)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// So many bytes.
    async fn take(&mut self, count: usize) -> Result<Vec<u8>, Broken> {
        while self.bytes.len() < count {
            if self.more().await? == 0 {
                return Err(ended());
            }
        }
        let rest = self.bytes.split_off(count);
        Ok(std::mem::replace(&mut self.bytes, rest))
    }

    /// The line that comes next, without its end.
    async fn line(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let mut line = self.take(end + 1).await?;
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.bytes.len() > MAX_HEAD {
                return Err(wrong("a line of the answer is too long"));
            }
            if self.more().await? == 0 {
                return Err(ended());
            }
        }
    }

    async fn chunks(&mut self, limit: usize) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        let mut around = 0;
        loop {
            let line = self.line().await?;
            around += line.len();
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size).unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .ok()
                .filter(|_| !size.starts_with('+'))
                .ok_or_else(|| wrong("a chunk of the answer has no size"))?;
            if size == 0 {
                break;
            }
            if size > limit.saturating_sub(body.len()) {
                return Err(Broken::TooLarge);
            }
            let chunk = self.take(size).await?;
            body.extend_from_slice(&chunk);
            if !self.line().await?.is_empty() {
                return Err(wrong("a chunk of the answer is longer than its size"));
            }
            if around > MAX_HEAD {
                return Err(wrong("the sizes of the answer's chunks are too long"));
            }
        }
        loop {
            let trailer = self.line().await?;
            around += trailer.len();
            if trailer.is_empty() {
                return Ok(body);
            }
            if around > MAX_HEAD {
                return Err(wrong("the end of the answer is too long"));
            }
        }
    }

    async fn more(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.connection.poll_more(cx, &mut self.bytes)).await
    }
}

fn ended() -> Broken {
    wrong("the answer ended early")
}

/// The head of an answer, if all of it is there.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Broken> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let parsed = answer
        .parse(bytes)
        .map_err(|error| wrong(&format!("no answer of HTTP: {error}")))?;
    let httparse::Status::Complete(end) = parsed else {
        return Ok(None);
    };
    let status = answer.code.unwrap_or_default();
    let mut length = None;
    let mut chunked = false;
    // Versions before 1.1 keep a connection only when they say so, and then we need not believe them.
    let mut reusable = answer.version == Some(1);
    for header in answer.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            let value: usize = value
                .parse()
                .map_err(|_| wrong("the length of the answer is no number"))?;
            if length.is_some_and(|other| other != value) {
                return Err(wrong("the answer has two lengths"));
            }
            length = Some(value);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(wrong("the encoding of the answer is not known"));
            }
            chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            let mut options = value.split(',').map(str::trim);
            reusable &= !options.any(|option| option.eq_ignore_ascii_case("close"));
        }
    }
    let length = match (status, chunked, length) {
        (100..200 | 204 | 304, ..) => Length::Known(0),
        (_, true, _) => Length::Chunked,
        (_, false, Some(length)) => Length::Known(length),
        (_, false, None) => Length::Open,
    };
    Ok(Some(Head {
        status,
        bytes: end,
        reusable: reusable && !matches!(length, Length::Open),
        length,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    fn wait<F: Future>(future: F) -> F::Output {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(future)
    }

    /// What comes of an answer that is sent in parts, after which the node closes the connection.
    fn exchange(parts: &'static [&'static str], limit: usize) -> Result<Answer, Broken> {
        let node = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = node.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let mut stream = node.accept().unwrap().0;
            assert_eq!(stream.read(&mut [0; 100]).unwrap(), 7);
            for part in parts {
                stream.write_all(part.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let answer = wait(async {
            let mut connection = Connection::open("127.0.0.1", port, None).await.unwrap();
            connection.exchange(b"request", limit).await
        });
        thread.join().unwrap();
        answer
    }

    fn read(parts: &'static [&'static str]) -> (u16, String, bool) {
        let answer = exchange(parts, 10).unwrap();
        let body = String::from_utf8(answer.body).unwrap();
        (answer.status, body, answer.reusable)
    }

    #[test]
    fn bodies_end_where_they_should() {
        assert_eq!(
            read(&["HTTP/1.1 200 OK\r\nContent-", "Length: 5\r\n\r\nhel", "lo"]),
            (200, "hello".into(), true)
        );
        assert_eq!(
            read(&[
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nhe\r",
                "\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
            ]),
            (200, "hello".into(), true)
        );
        assert_eq!(
            read(&["HTTP/1.1 429 Slow down\r\n\r\nhello"]),
            (429, "hello".into(), false)
        );
        assert_eq!(
            read(&["HTTP/1.1 204 No Content\r\n\r\n"]),
            (204, String::new(), true)
        );
    }

    #[test]
    fn a_connection_is_used_again_only_where_that_is_safe() {
        for head in [
            &["HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nhi"],
            &["HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
            &["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more"],
        ] {
            assert_eq!(read(head), (200, "hi".into(), false), "{head:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (parts, what) in [
            (&["SSH-2.0\r\n"], "no answer of HTTP: invalid HTTP version"),
            (
                &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"],
                "the answer ended early",
            ),
            (
                &["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhi"],
                "the length of the answer is no number",
            ),
            (
                &["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi"],
                "the answer has two lengths",
            ),
            (
                &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n"],
                "a chunk of the answer has no size",
            ),
            (
                &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n"],
                "a chunk of the answer is longer than its size",
            ),
        ] {
            let Err(Broken::Failed(error)) = exchange(parts, 10) else {
                panic!("{parts:?}");
            };
            assert_eq!(error.to_string(), what);
        }
        assert!(matches!(exchange(&[], 10), Err(Broken::Silent(_))));
    }

    #[test]
    fn too_much_is_not_read() {
        for parts in [
            &["HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"],
            &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n"],
            &["HTTP/1.1 200 OK\r\n\r\nhello world"],
        ] {
            assert!(
                matches!(exchange(parts, 10), Err(Broken::TooLarge)),
                "{parts:?}"
            );
        }
    }

    /// A certificate for `localhost` that signs itself, in base64.
    const CERTIFICATE: &str = concat!(
        "MIIBiTCCAS6gAwIBAgIUIGHQhYiUmdsX34q2si2bfwCEApEwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjkx",
        "MDQ5MDZaGA8yMTI2MTEwNTEwNDkwNlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNTy2fOgSzma",
        "naBVysRwM58nOv7B3t0Zo6W8CCFvmXLSrDRqpine/yoL9KlC+q3l4RBkTBN8xdjvTNRhicRLaxOjZjBkMB0GA1UdDgQWBBTfzg4H",
        "pJEssRqq45dCG3W/EulNOzAfBgNVHSMEGDAWgBTfzg4HpJEssRqq45dCG3W/EulNOzAUBgNVHREEDTALgglsb2NhbGhvc3QwDAYD",
        "VR0TAQH/BAIwADAKBggqhkjOPQQDAgNJADBGAiEA2Bb40wUGQTlO7J1MdolIWuBmV5sXgGOLqfOohKQ+6qYCIQDitreKNogrBlxk",
        "nSN1+faPtcHH4Q3LdZIYzu3CS0wohA==",
    );
    /// Its key, which opens nothing but this test.
    const KEY: &str = concat!(
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvgX5r0G/DFPGMd2S5Zm88wfrHwF1YB5RgbAZcdVYCIWhRANCAATU",
        "8tnzoEs5mp2gVcrEcDOfJzr+wd7dGaOlvAghb5ly0qw0aqYp3v8qC/SpQvqt5eEQZEwTfMXY70zUYYnES2sT",
    );

    /// What a client says of a server with that certificate, if it trusts it or not.
    fn over_tls(trusted: bool) -> Result<Answer, String> {
        let decode = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).unwrap();
        let certificate = CertificateDer::from(decode(CERTIFICATE));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(decode(KEY).into());
        let server = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        if trusted {
            roots.add(certificate).unwrap();
        }
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let node = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = node.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let mut stream = node.accept().unwrap().0;
            let mut session = rustls::ServerConnection::new(Arc::new(server)).unwrap();
            let mut tls = rustls::Stream::new(&mut session, &mut stream);
            if tls.read(&mut [0; 100]).is_ok() {
                tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                    .unwrap();
            }
        });
        let answer = wait(async {
            let connection = Connection::open("localhost", port, Some(&Arc::new(client))).await;
            let mut connection = connection.map_err(|error| error.to_string())?;
            let answer = connection.exchange(b"request", 10).await;
            answer.map_err(|error| format!("{error:?}"))
        });
        thread.join().unwrap();
        answer
    }

    #[test]
    fn tls_is_spoken_to_whom_it_is_meant() {
        let answer = over_tls(true).unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, &b"hello"[..])
        );
        assert_eq!(
            over_tls(false).unwrap_err(),
            "invalid peer certificate: UnknownIssuer"
        );
    }
}
