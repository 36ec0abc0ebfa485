//! Answers for HTTP outcalls in the place of the world outside: which requests a mock is for, and what it says, in turn.
//!
//! Owns the matching and the order of answers. Whether an answer is within the limits of `http_request` is for
//! `management::outcalls` to say, and how a user writes a mock for the command line.

use std::collections::BTreeMap;

use crate::errors::{ErrorCode, UserError};
use crate::management::types::http::{HttpHeader, HttpMethod, HttpRequestArgs, HttpResponse};

/// Answers for the requests that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mock {
    /// Prefix of the URLs.
    pub url: String,
    /// The method; any if absent.
    pub method: Option<HttpMethod>,
    /// The whole body of the request; any if absent.
    pub request_body: Option<Vec<u8>>,
    /// What is answered: the first answer to the first request, and so on. The last one stays.
    pub answers: Vec<MockedAnswer>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MockedAnswer {
    /// A response; headers in their order, names may repeat.
    Response(HttpResponse),
    /// No response: a reject code from 1 to 6 and a text.
    Reject(u8, String),
    /// Nobody answers until the request has timed out.
    Timeout,
}

/// One and the same answer for every `http_request` whose URL begins with `url`; a [`Mock`] can do more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpMock {
    /// Prefix of the URLs that are answered.
    pub url: String,
    /// HTTP status.
    pub status: u64,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl From<HttpMock> for Mock {
    fn from(mock: HttpMock) -> Self {
        let header = |(name, value)| HttpHeader { name, value };
        Mock {
            url: mock.url,
            method: None,
            request_body: None,
            answers: vec![MockedAnswer::Response(HttpResponse {
                status: mock.status.into(),
                headers: mock.headers.into_iter().map(header).collect(),
                body: mock.body,
            })],
        }
    }
}

impl Mock {
    fn is_for(&self, args: &HttpRequestArgs) -> bool {
        let body = || args.body.as_ref().map_or(&[][..], |body| body);
        args.url.starts_with(&self.url)
            && self.method.is_none_or(|method| method == args.method)
            && self.request_body.as_ref().is_none_or(|it| it == body())
    }
}

/// How many answers of each mock were given. Mocks are told apart by their place from the end: new ones go before all others.
#[derive(Clone, Debug, Default)]
pub struct Given(BTreeMap<usize, usize>);

impl Given {
    /// What the first mock for this request answers to it; nothing if there is none, or if it lets the request time out.
    pub fn next(
        &mut self,
        mocks: &[Mock],
        args: &HttpRequestArgs,
    ) -> Option<Result<HttpResponse, UserError>> {
        let place = mocks.iter().position(|mock| mock.is_for(args))?;
        let answers = &mocks[place].answers;
        let given = self.0.entry(mocks.len() - place).or_default();
        let answer = answers.get(*given).or(answers.last())?;
        *given = (*given + 1).min(answers.len());
        match answer {
            MockedAnswer::Response(response) => Some(Ok(response.clone())),
            MockedAnswer::Reject(code, text) => {
                Some(Err(UserError::new(class(*code), text.clone())))
            }
            MockedAnswer::Timeout => None,
        }
    }
}

/// An error of this class: canisters see the class and the text only.
pub(crate) fn class(reject_code: u8) -> ErrorCode {
    match reject_code {
        1 => ErrorCode::SubnetOversubscribed,
        2 => ErrorCode::IngressMessageTimeout,
        3 => ErrorCode::CanisterNotFound,
        4 => ErrorCode::CanisterRejectedMessage,
        5 => ErrorCode::CanisterCalledTrap,
        _ => ErrorCode::DeadlineExpired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::types::limited::Limited;
    use serde_bytes::ByteBuf;

    fn request(url: &str, method: HttpMethod, body: &[u8]) -> HttpRequestArgs {
        HttpRequestArgs {
            url: url.into(),
            max_response_bytes: None,
            method,
            headers: Limited(vec![]),
            body: (!body.is_empty()).then(|| ByteBuf::from(body)),
            transform: None,
            is_replicated: None,
            pricing_version: None,
        }
    }

    fn status(status: u64) -> MockedAnswer {
        MockedAnswer::Response(HttpResponse {
            status: status.into(),
            headers: vec![],
            body: vec![],
        })
    }

    fn mock(url: &str, answers: Vec<MockedAnswer>) -> Mock {
        Mock {
            url: url.into(),
            method: None,
            request_body: None,
            answers,
        }
    }

    /// The statuses of the answers to one request after the other; rejects as their code, silence as 0.
    fn statuses(given: &mut Given, mocks: &[Mock], requests: &[HttpRequestArgs]) -> Vec<u128> {
        let mut status = |request| match given.next(mocks, request) {
            Some(Ok(response)) => response.status,
            Some(Err(error)) => error.code.reject_code().number().into(),
            None => 0,
        };
        requests.iter().map(&mut status).collect()
    }

    #[test]
    fn the_first_mock_for_a_request_answers() {
        let mocks = [
            Mock {
                method: Some(HttpMethod::Post),
                ..mock("http://a/", vec![status(201)])
            },
            Mock {
                request_body: Some(b"\xff\0".to_vec()),
                ..mock("http://a/", vec![status(202)])
            },
            mock("http://a/", vec![status(200)]),
            mock("http://", vec![status(404)]),
        ];
        let requests = [
            request("http://a/b", HttpMethod::Post, b""),
            request("http://a/b", HttpMethod::Get, b"\xff\0"),
            request("http://a/b", HttpMethod::Get, b"\xff"),
            request("http://b/", HttpMethod::Get, b""),
            request("https://a/", HttpMethod::Get, b""),
        ];
        assert_eq!(
            statuses(&mut Given::default(), &mocks, &requests),
            [201, 202, 200, 404, 0]
        );
    }

    #[test]
    fn answers_come_in_turn_and_the_last_one_stays() {
        let sequence = vec![
            status(500),
            MockedAnswer::Reject(1, "no".into()),
            MockedAnswer::Timeout,
            status(200),
        ];
        let mut mocks = vec![
            mock("http://a/", sequence),
            mock("http://b/", vec![status(1)]),
        ];
        let a = request("http://a/", HttpMethod::Get, b"");
        let b = request("http://b/", HttpMethod::Get, b"");
        let mut given = Given::default();
        let requests = [a.clone(), b.clone(), a.clone(), a.clone()];
        assert_eq!(statuses(&mut given, &mocks, &requests), [500, 1, 1, 0]);
        // A mock that is added goes before all others and does not begin them anew.
        mocks.insert(0, mock("http://b/", vec![status(2)]));
        assert_eq!(
            statuses(&mut given, &mocks, &[a.clone(), b, a]),
            [200, 2, 200]
        );
    }
}
