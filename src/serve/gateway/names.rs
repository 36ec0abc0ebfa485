//! Which canister a request to a gateway is for (pocket-ic-api.md 2.8), and domains that users give canisters.

use std::path::PathBuf;

use candid::Principal;

use crate::serve::request::Request;

/// A file that gives canisters domains: `domain:canister` in each line. It is read when it is needed, since others write it.
#[derive(Clone, Debug, Default)]
pub(super) struct Domains(pub(super) Option<PathBuf>);

impl Domains {
    /// The canister of a host, without its port.
    fn canister(&self, host: &str) -> Option<Principal> {
        let text = std::fs::read_to_string(self.0.as_ref()?).ok()?;
        text.lines().find_map(|line| {
            let (domain, id) = line.trim().rsplit_once(':')?;
            domain
                .trim()
                .eq_ignore_ascii_case(host)
                .then(|| id_of(id.trim()))?
        })
    }
}

/// Who asks for a canister at such a host takes its answers as they are.
pub(super) fn is_raw(request: &Request) -> bool {
    let host = request.header("host").unwrap_or("");
    host.split('.').nth(1) == Some("raw")
}

/// The canister that a request is for: by a label of the host, its domain, the query, or the page that it comes from.
pub(super) fn canister(request: &Request, domains: &Domains) -> Option<Principal> {
    let host = request.header("host").unwrap_or("");
    let of_host = |host: &str| host.split('.').find_map(id_of);
    let of_query = |query: &str| {
        let mut pairs = query.split('&');
        pairs.find_map(|pair| id_of(pair.strip_prefix("canisterId=")?))
    };
    let query = request.query.as_deref();
    let (domain, _) = host.split_once(':').unwrap_or((host, ""));
    of_host(host)
        .or_else(|| domains.canister(domain))
        .or_else(|| query.and_then(of_query))
        .or_else(|| {
            let referer = request.header("referer")?;
            let (_, rest) = referer.split_once("://")?;
            let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let query = rest.split_once('?').map(|(_, query)| query);
            of_host(host).or_else(|| query.and_then(of_query))
        })
}

/// An id of a canister as text; other principals have no dashes where these have them.
fn id_of(text: &str) -> Option<Principal> {
    text.contains('-')
        .then(|| Principal::from_text(text).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::request::Method;

    fn request(host: &str, query: Option<&str>, referer: Option<&str>) -> Request {
        let headers = [("host", Some(host)), ("referer", referer)];
        Request {
            method: Method::Get,
            verb: "GET".into(),
            path: "/".into(),
            query: query.map(str::to_owned),
            headers: headers
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect(),
            body: Vec::new(),
        }
    }

    #[test]
    fn the_canister_is_named_by_host_query_or_referer() {
        const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
        let query = format!("a=b&canisterId={ID}");
        let referer = format!("http://localhost:8000/?canisterId={ID}");
        for (host, query, referer) in [
            (&*format!("{ID}.localhost:8000"), None, None),
            (&format!("{ID}.raw.localhost"), None, None),
            ("localhost:8000", Some(&*query), None),
            ("localhost", None, Some(&*referer)),
        ] {
            let found = canister(&request(host, query, referer), &Domains(None));
            assert_eq!(found.map(|id| id.to_text()).as_deref(), Some(ID), "{host}");
        }
        assert_eq!(
            canister(&request("localhost:8000", None, None), &Domains(None)),
            None
        );
        assert_eq!(
            canister(&request("my-app.localhost", None, None), &Domains(None)),
            None
        );
    }

    #[test]
    fn a_file_gives_canisters_domains() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("domains");
        let domains = Domains(Some(file.clone()));
        let asked = || canister(&request("My-App.localhost:8000", None, None), &domains);
        assert_eq!(asked(), None, "there is no file yet");
        let lines = "nonsense\nother:rwlgt-iiaaa-aaaaa-aaaaa-cai\nmy-app.localhost:rrkah-fqaaa-aaaaa-aaaaq-cai\n";
        std::fs::write(&file, lines).expect("written");
        let expected = Principal::from_text("rrkah-fqaaa-aaaaa-aaaaq-cai");
        assert_eq!(asked(), expected.ok());
    }
}
