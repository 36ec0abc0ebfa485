//! Reading request bodies: within a size that holds after inflation, within a time, and within the memory that all
//! bodies together may take.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_ENCODING;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::failure::{Code, Failure};

/// Time for a body to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bodies up to this size wait for nobody.
const SMALL: usize = 64 << 10;
/// Bytes of all larger bodies together, unless one alone may be larger.
const BUDGET: usize = 256 << 20;
const UNIT: usize = 1 << 10;

/// Reads bodies.
pub struct Bodies {
    limit: usize,
    budget: Semaphore,
}

impl Bodies {
    /// Takes bodies of so many bytes.
    pub fn new(limit: usize) -> Self {
        let units = BUDGET.max(limit.saturating_mul(2)) / UNIT;
        Bodies {
            limit,
            budget: Semaphore::new(units.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// A whole body, and the right to its memory.
    ///
    /// # Errors
    /// If it is too large, comes too slowly or is not what its head says.
    pub async fn read(
        &self,
        request: Request<Incoming>,
    ) -> Result<(Bytes, Option<SemaphorePermit<'_>>), Failure> {
        let gzip = match request
            .headers()
            .get(CONTENT_ENCODING)
            .map(|value| value.as_bytes())
        {
            None | Some(b"" | b"identity") => false,
            Some(b"gzip" | b"x-gzip") => true,
            Some(_) => {
                let details = vec!["content encoding must be gzip or identity".into()];
                return Err(Failure::bad_request(details));
            }
        };
        let announced = request.body().size_hint();
        if announced.lower() > self.limit as u64 {
            return Err(self.too_large());
        }
        let expected = match announced.exact() {
            Some(exact) if !gzip => exact as usize,
            _ => self.limit,
        };
        let read = async {
            let permit = match expected > SMALL {
                true => {
                    let units = u32::try_from(expected.div_ceil(UNIT)).unwrap_or(u32::MAX);
                    Some(
                        self.budget
                            .acquire_many(units)
                            .await
                            .map_err(|_| internal())?,
                    )
                }
                false => None,
            };
            let body = match Limited::new(request.into_body(), self.limit)
                .collect()
                .await
            {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => return Err(self.too_large()),
                Err(_) => return Err(Failure::bad_request(vec!["the body ended early".into()])),
            };
            Ok((body, permit))
        };
        let Ok(read) = tokio::time::timeout(PATIENCE, read).await else {
            let error = format!("request body not complete after {}ms", PATIENCE.as_millis());
            return Err(Failure::new(Code::RequestTimeout, error));
        };
        let (body, permit) = read?;
        match gzip {
            true => Ok((self.inflate(&body)?, permit)),
            false => Ok((body, permit)),
        }
    }

    fn inflate(&self, body: &[u8]) -> Result<Bytes, Failure> {
        let mut inflated = Vec::new();
        let mut decoder = MultiGzDecoder::new(body).take(self.limit as u64 + 1);
        if decoder.read_to_end(&mut inflated).is_err() {
            return Err(Failure::bad_request(vec!["the body is not gzip".into()]));
        }
        match inflated.len() > self.limit {
            true => Err(self.too_large()),
            false => Ok(inflated.into()),
        }
    }

    fn too_large(&self) -> Failure {
        let error = format!("request body too large (> {} bytes)", self.limit);
        Failure::new(Code::BodyTooLarge, error)
    }
}

fn internal() -> Failure {
    Failure::new(Code::Internal, "no memory for bodies any more")
}
