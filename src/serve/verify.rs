//! What a gateway believes of a canister: its answers to HTTP requests are checked against what the subnet certifies of it, by the
//! public crate for that (HTTP gateway protocol, "Response verification").

use candid::Principal;
use hyper::{Method, StatusCode};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::verify_request_response_pair;

/// How much older than the instance's clock a certificate may be, in nanoseconds.
const MAX_AGE: u128 = 300_000_000_000;
/// The oldest way to certify that is taken.
const MIN_VERSION: u8 = 1;

/// A request as the canister was asked.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// What the canister has answered.
pub(crate) struct Answered<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// Checks an answer of a canister at a time, in nanoseconds since the Unix epoch, under the network's root key in DER. Returns the headers
/// that are certified, if not all have to be taken as they are.
///
/// # Errors
/// Why the answer is not to be trusted.
pub(crate) fn verify(
    canister: &Principal,
    asked: &Asked<'_>,
    answered: &Answered<'_>,
    time: u64,
    root_key: &[u8],
) -> Result<Option<Vec<(String, String)>>, String> {
    let method = Method::from_bytes(asked.method.as_bytes()).map_err(|error| error.to_string())?;
    let status = StatusCode::from_u16(answered.status).map_err(|error| error.to_string())?;
    let request = HttpRequest::builder()
        .with_method(method)
        .with_url(asked.url)
        .with_headers(asked.headers.to_vec())
        .with_body(asked.body)
        .build();
    let response = HttpResponse::builder()
        .with_status_code(status)
        .with_headers(answered.headers.to_vec())
        .with_body(answered.body)
        .build();
    let verified = verify_request_response_pair(
        request,
        response,
        canister.as_slice(),
        time.into(),
        MAX_AGE,
        root_key,
        MIN_VERSION,
    );
    let verified = verified.map_err(|error| error.to_string())?;
    // The first way to certify covers no headers.
    let certified = verified
        .response
        .filter(|_| verified.verification_version > 1);
    Ok(certified.map(|response| response.headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use drun_certification::data::DataCertifier;
    use drun_certification::{SubnetKey, Tree, cbor};
    use sha2::{Digest, Sha256};

    const TIME: u64 = 1_700_000_000_000_000_000;

    /// An answer with an asset, certified in the first way, of a canister; and the root key.
    fn certified(body: &[u8]) -> (Principal, Vec<(String, String)>, Vec<u8>) {
        let canister = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
        let hash: [u8; 32] = Sha256::digest(body).into();
        let assets = Tree::group([("/index.html", Tree::leaf(hash))]);
        let tree = Tree::group([("http_assets", assets)]);
        let key = SubnetKey::from_seed(b"a root");
        let certifier = DataCertifier::new(key.clone(), &[(canister, canister)], None);
        let certificate = certifier.certify(&canister, &tree.digest(), TIME);
        let path: Vec<Vec<u8>> = vec![b"http_assets".to_vec(), b"/index.html".to_vec()];
        let witness = cbor::encode(tree.witness(&[path]).to_value());
        let header = format!(
            "certificate=:{}:, tree=:{}:",
            BASE64.encode(&certificate),
            BASE64.encode(&witness)
        );
        let headers = vec![
            ("IC-Certificate".to_owned(), header),
            ("content-type".to_owned(), "text/html".to_owned()),
        ];
        (canister, headers, key.public_key().to_vec())
    }

    #[test]
    fn what_the_subnet_certifies_passes_and_nothing_else() {
        let (canister, headers, root_key) = certified(b"hello");
        let check = |url, body, time, root_key: &[u8], headers: &[(String, String)]| {
            let asked = Asked {
                method: "GET",
                url,
                headers: &[],
                body: b"",
            };
            let answered = Answered {
                status: 200,
                headers,
                body,
            };
            verify(&canister, &asked, &answered, time, root_key)
        };
        let passed = check("/index.html", b"hello", TIME, &root_key, &headers);
        assert_eq!(passed, Ok(None));
        let other_key = SubnetKey::from_seed(b"another root");
        let late = TIME + 400_000_000_000;
        for (url, body, time, root_key, headers) in [
            (
                "/index.html",
                &b"hullo"[..],
                TIME,
                &root_key[..],
                &headers[..],
            ),
            ("/other.html", b"hello", TIME, &root_key, &headers),
            ("/index.html", b"hello", late, &root_key, &headers),
            (
                "/index.html",
                b"hello",
                TIME,
                other_key.public_key(),
                &headers,
            ),
            ("/index.html", b"hello", TIME, &root_key, &headers[1..]),
        ] {
            let refused = check(url, body, time, root_key, headers);
            assert!(refused.is_err(), "{url} {time}: {refused:?}");
        }
    }
}
