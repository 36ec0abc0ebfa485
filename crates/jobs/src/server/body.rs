//! Reading request bodies: within a size that holds after inflation, within a time, and within the memory that all
//! bodies together may take.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::CONTENT_ENCODING;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::{Code, Failure};

/// Time for a body to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two parts of one.
const STALL: Duration = Duration::from_secs(10);
/// Time to wait for memory.
const QUEUE: Duration = Duration::from_secs(5);
/// Bodies up to this size wait for nobody.
const SMALL: usize = 64 << 10;
/// Bytes of all larger bodies together, unless one alone may be larger.
const BUDGET: usize = 256 << 20;
const UNIT: usize = 1 << 10;

/// What is read of a body that nobody wants, and for how long, so that its client sees the answer.
const UNWANTED: usize = 64 << 20;
const UNWANTED_PATIENCE: Duration = Duration::from_secs(5);

/// A body that comes in.
pub(super) struct Arriving {
    incoming: Incoming,
    whole: bool,
}

impl Arriving {
    /// Nothing of it was read yet.
    pub(super) fn new(incoming: Incoming) -> Self {
        Arriving {
            whole: incoming.is_end_stream(),
            incoming,
        }
    }

    /// Whether all of it was read.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    async fn frame(&mut self) -> Option<hyper::Result<Frame<Bytes>>> {
        let frame = self.incoming.frame().await;
        self.whole |= frame.is_none();
        frame
    }

    /// Reads what is left of it for nobody. A connection that is closed while its client still sends is gone for the
    /// client, and the answer with it.
    pub(super) async fn throw_away(mut self) {
        let thrown = async {
            let mut bytes = 0;
            while bytes < UNWANTED
                && let Some(Ok(frame)) = self.frame().await
            {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        // Who sends for longer may miss the answer.
        let _ = timeout(UNWANTED_PATIENCE, thrown).await;
    }
}

/// Reads bodies.
pub(super) struct Bodies {
    limit: usize,
    budget: Semaphore,
}

/// The right to the memory of a body.
pub(super) struct Room<'a> {
    budget: &'a Semaphore,
    bytes: usize,
    permit: Option<SemaphorePermit<'a>>,
}

impl Room<'_> {
    /// Makes it at least so large. A body takes memory as it arrives and not as it is announced: who announces much and
    /// sends nothing keeps nobody waiting.
    async fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let units = (bytes - self.bytes).div_ceil(UNIT);
        let wanted = self
            .budget
            .acquire_many(u32::try_from(units).unwrap_or(u32::MAX));
        let Ok(got) = timeout(QUEUE, wanted).await else {
            let error = format!("waited {}ms for memory", QUEUE.as_millis());
            return Err(Failure::new(Code::QueueTimeout, error));
        };
        let got = got.map_err(|_| internal("no memory for bodies any more"))?;
        match &mut self.permit {
            Some(permit) => permit.merge(got),
            None => self.permit = Some(got),
        }
        self.bytes = self.bytes.saturating_add(units.saturating_mul(UNIT));
        Ok(())
    }
}

impl Bodies {
    /// Takes bodies of so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        let units = BUDGET.max(limit.saturating_mul(2)) / UNIT;
        Bodies {
            limit,
            budget: Semaphore::new(units.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Whether a body may be as long as it is announced to be.
    ///
    /// # Errors
    /// If it may not.
    pub(super) fn check_announced(&self, body: &Arriving) -> Result<(), Failure> {
        match body.incoming.size_hint().lower() > self.limit as u64 {
            true => Err(self.too_large()),
            false => Ok(()),
        }
    }

    /// A whole body, and the right to its memory.
    ///
    /// # Errors
    /// If it is too large, comes too slowly or is not what its head says.
    pub(super) async fn read(
        &self,
        headers: HeaderMap,
        body: &mut Arriving,
    ) -> Result<(Bytes, Room<'_>), Failure> {
        let encoding = headers.get(CONTENT_ENCODING).map(|value| value.as_bytes());
        let encoding = encoding.unwrap_or_default().to_ascii_lowercase();
        drop(headers);
        let gzip = match encoding.as_slice() {
            b"" | b"identity" => false,
            b"gzip" | b"x-gzip" => true,
            _ => {
                let details = vec!["content encoding must be gzip or identity".into()];
                return Err(Failure::bad_request(details));
            }
        };
        self.check_announced(body)?;
        let expected = body
            .incoming
            .size_hint()
            .exact()
            .and_then(|exact| usize::try_from(exact).ok())
            .unwrap_or(self.limit);
        let mut room = Room {
            budget: &self.budget,
            bytes: SMALL,
            permit: None,
        };
        let body = self.collect(body, expected, &mut room).await?;
        if !gzip {
            return Ok((body.into(), room));
        }
        room.grow(body.len().saturating_add(self.limit)).await?;
        let limit = self.limit;
        let inflated = tokio::task::spawn_blocking(move || inflate(&body, limit)).await;
        match inflated.map_err(|_| internal("inflating panicked"))? {
            None => Err(Failure::bad_request(vec!["the body is not gzip".into()])),
            Some(inflated) if inflated.len() > limit => Err(self.too_large()),
            Some(inflated) => Ok((inflated.into(), room)),
        }
    }

    async fn collect(
        &self,
        body: &mut Arriving,
        expected: usize,
        room: &mut Room<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let end = Instant::now() + PATIENCE;
        let mut bytes = Vec::with_capacity(expected.min(SMALL));
        loop {
            let until = end.min(Instant::now() + STALL);
            let Ok(frame) = timeout_at(until, body.frame()).await else {
                let error = format!(
                    "request body not complete: nothing for {}ms, or not all of it in {}ms",
                    STALL.as_millis(),
                    PATIENCE.as_millis()
                );
                return Err(Failure::new(Code::RequestTimeout, error));
            };
            let Some(frame) = frame else {
                return Ok(bytes);
            };
            let frame =
                frame.map_err(|_| Failure::bad_request(vec!["the body ended early".into()]))?;
            // Trailers mean nothing here.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let needed = bytes.len() + data.len();
            if needed > self.limit {
                return Err(self.too_large());
            }
            if needed > bytes.capacity() {
                let capacity = (bytes.capacity() * 2).min(expected).max(needed);
                room.grow(capacity).await?;
                bytes.reserve_exact(capacity - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
    }

    fn too_large(&self) -> Failure {
        let error = format!("request body too large (> {} bytes)", self.limit);
        Failure::new(Code::BodyTooLarge, error)
    }
}

/// At most one byte more than the limit; nothing if it is not gzip.
fn inflate(body: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take((limit as u64).saturating_add(1));
    decoder.read_to_end(&mut inflated).ok()?;
    Some(inflated)
}

fn internal(error: &str) -> Failure {
    Failure::new(Code::Internal, error)
}
