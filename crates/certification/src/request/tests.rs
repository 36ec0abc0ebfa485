//! Requests as agents sign them, and what becomes of them.

use ciborium::Value;
use ic_principal::Principal;
use k256::ecdsa::signature::{SignatureEncoding, Signer};
use sha2::{Digest as _, Sha256};

use super::{Envelope, Refused, canister_signature, hash_of};
use crate::data::DataCertifier;
use crate::hash_tree::with_domain;
use crate::{SubnetKey, Tree, cbor};

const NOW: u64 = 1_620_328_630_000_000_000;
const CANISTER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 1, 1]);

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// Someone who signs.
struct User {
    der: Vec<u8>,
    sign: Sign,
}

/// A SubjectPublicKeyInfo: the algorithm's identifier and the key.
fn spki(algorithm: &str, key: &[u8]) -> Vec<u8> {
    let algorithm = hex::decode(algorithm).expect("hexadecimal");
    let bits = [&[3, key.len() as u8 + 1, 0], key].concat();
    let length = (algorithm.len() + bits.len()) as u8;
    let head = if length < 128 {
        vec![0x30, length]
    } else {
        vec![0x30, 0x81, length]
    };
    [head, algorithm, bits].concat()
}

const ED25519: &str = "300506032b6570";
const SECP256K1: &str = "301006072a8648ce3d020106052b8104000a";
const P256: &str = "301306072a8648ce3d020106082a8648ce3d030107";
const COSE: &str = "300c060a2b0601040183b8430101";
const CANISTER_KEY: &str = "300c060a2b0601040183b8430102";

fn ed25519(seed: u8) -> User {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    User {
        der: spki(ED25519, key.verifying_key().as_bytes()),
        sign: Box::new(move |message| key.sign(message).to_vec()),
    }
}

fn secp256k1() -> User {
    let key = k256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar");
    let point = key.verifying_key().to_encoded_point(false);
    User {
        der: spki(SECP256K1, point.as_bytes()),
        sign: Box::new(move |message| {
            Signer::<k256::ecdsa::Signature>::sign(&key, message).to_vec()
        }),
    }
}

fn p256_key() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[8; 32]).expect("a scalar")
}

fn p256() -> User {
    let key = p256_key();
    let point = key.verifying_key().to_encoded_point(false);
    User {
        der: spki(P256, point.as_bytes()),
        sign: Box::new(move |message| {
            Signer::<p256::ecdsa::Signature>::sign(&key, message).to_vec()
        }),
    }
}

/// An authenticator with a key of P-256.
fn authenticator() -> User {
    let key = p256_key();
    let point = key.verifying_key().to_encoded_point(false);
    let number = |number: i64| Value::Integer(number.into());
    let cose = Value::Map(vec![
        (number(1), number(2)),
        (number(3), number(-7)),
        (number(-1), number(1)),
        (number(-2), cbor::bytes(point.x().expect("a point"))),
        (number(-3), cbor::bytes(point.y().expect("a point"))),
    ]);
    let mut bytes = Vec::new();
    ciborium::into_writer(&cose, &mut bytes).expect("memory");
    User {
        der: spki(COSE, &bytes),
        sign: Box::new(move |message| {
            let challenge = data_encoding::BASE64URL_NOPAD.encode(message);
            let client = format!(
                r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"http://localhost"}}"#
            );
            let signed = [&b"authenticator data"[..], &Sha256::digest(&client)].concat();
            let signature: p256::ecdsa::Signature = key.sign(&signed);
            cbor::encode(cbor::map([
                ("authenticator_data", cbor::bytes(b"authenticator data")),
                ("client_data_json", client.into()),
                ("signature", cbor::bytes(signature.to_der().as_bytes())),
            ]))
        }),
    }
}

/// A canister that signs for its users, certified by a root subnet.
fn canister(root: &SubnetKey) -> User {
    let certifier = DataCertifier::new(root.clone(), &[(CANISTER, CANISTER)], None);
    let key = [&[10], CANISTER.as_slice(), b"seed"].concat();
    User {
        der: spki(CANISTER_KEY, &key),
        sign: Box::new(move |message| {
            let leaf = Tree::group([(Sha256::digest(message), Tree::leaf(*b""))]);
            let tree = Tree::group([("sig", Tree::group([(Sha256::digest("seed"), leaf)]))]);
            cbor::encode(cbor::map([
                (
                    "certificate",
                    Value::Bytes(certifier.certify(&CANISTER, &tree.digest(), NOW)),
                ),
                ("tree", tree.witness(&[vec![]]).to_value()),
            ]))
        }),
    }
}

fn content(kind: &str, sender: &Principal, expiry: u64) -> Value {
    cbor::map([
        ("request_type", kind.into()),
        ("sender", cbor::bytes(sender.as_slice())),
        ("ingress_expiry", expiry.into()),
        ("canister_id", cbor::bytes(CANISTER.as_slice())),
        ("method_name", "go".into()),
        ("arg", cbor::bytes(b"argument")),
    ])
}

/// The request of `from`, signed by `by`.
fn signed(kind: &str, from: &User, by: &User, delegations: Vec<Value>) -> Vec<u8> {
    let content = content(kind, &Principal::self_authenticating(&from.der), NOW + 1);
    let id = hash_of(&content).expect("a hash");
    let mut entries = vec![
        ("content".into(), content),
        ("sender_pubkey".into(), cbor::bytes(&from.der)),
        (
            "sender_sig".into(),
            Value::Bytes((by.sign)(&with_domain("ic-request", &id))),
        ),
    ];
    if !delegations.is_empty() {
        entries.push(("sender_delegation".into(), delegations.into()));
    }
    cbor::encode(Value::Map(entries))
}

/// The word of `from` for `to`.
fn delegation(from: &User, to: &User, more: Vec<(Value, Value)>) -> Value {
    let mut entries = vec![
        ("pubkey".into(), cbor::bytes(&to.der)),
        ("expiration".into(), (NOW + 5).into()),
    ];
    entries.extend(more);
    let delegation = Value::Map(entries);
    let hash = hash_of(&delegation).expect("a hash");
    let signature = (from.sign)(&with_domain("ic-request-auth-delegation", &hash));
    cbor::map([
        ("delegation", delegation),
        ("signature", Value::Bytes(signature)),
    ])
}

fn authenticate(body: &[u8], now: u64) -> Result<super::Authority, Refused> {
    let root = SubnetKey::from_seed(b"root");
    Envelope::decode(body)
        .expect("an envelope")
        .authenticate(now, root.public_key())
}

#[test]
fn every_kind_of_key_signs_for_its_user_and_for_no_other() {
    let root = SubnetKey::from_seed(b"root");
    for user in [
        ed25519(1),
        secp256k1(),
        p256(),
        authenticator(),
        canister(&root),
    ] {
        assert_eq!(
            authenticate(&signed("call", &user, &user, vec![]), NOW),
            Ok(Default::default())
        );
        let forged = signed("call", &user, &ed25519(2), vec![]);
        assert!(matches!(
            authenticate(&forged, NOW),
            Err(Refused::Signature(_))
        ));
    }
}

#[test]
fn the_sender_must_have_the_key() {
    let user = ed25519(1);
    let content = content("call", &Principal::self_authenticating(b"other"), NOW + 1);
    let id = hash_of(&content).expect("a hash");
    let body = cbor::encode(cbor::map([
        ("content", content),
        ("sender_pubkey", cbor::bytes(&user.der)),
        (
            "sender_sig",
            Value::Bytes((user.sign)(&with_domain("ic-request", &id))),
        ),
    ]));
    assert!(matches!(
        authenticate(&body, NOW),
        Err(Refused::Signature(_))
    ));
}

#[test]
fn only_the_anonymous_user_need_not_sign() {
    let unsigned =
        |sender| cbor::encode(cbor::map([("content", content("call", &sender, NOW + 1))]));
    assert!(authenticate(&unsigned(Principal::anonymous()), NOW).is_ok());
    let named = authenticate(&unsigned(CANISTER), NOW);
    assert!(matches!(named, Err(Refused::Signature(_))));
}

#[test]
fn calls_expire_by_the_clock_given_but_anonymous_queries_do_not() {
    let body = |kind| {
        cbor::encode(cbor::map([(
            "content",
            content(kind, &Principal::anonymous(), NOW),
        )]))
    };
    assert!(authenticate(&body("call"), NOW).is_ok());
    assert!(matches!(
        authenticate(&body("call"), NOW + 1),
        Err(Refused::Expired(_))
    ));
    assert!(matches!(
        authenticate(&body("call"), NOW - 330_000_000_001),
        Err(Refused::Expired(_))
    ));
    assert!(authenticate(&body("query"), NOW + 1).is_ok());
    let user = ed25519(1);
    let late = authenticate(&signed("query", &user, &user, vec![]), NOW + 2);
    assert!(matches!(late, Err(Refused::Expired(_))));
}

#[test]
fn delegations_are_followed_and_narrow_what_is_allowed() {
    let (user, device, session) = (authenticator(), secp256k1(), ed25519(3));
    let other = Principal::from_slice(&[9]);
    let targets = |ids: &[Principal]| {
        let ids = ids
            .iter()
            .map(|id| cbor::bytes(id.as_slice()))
            .collect::<Vec<_>>();
        vec![("targets".into(), ids.into())]
    };
    let chain = |first, second| {
        let links = vec![
            delegation(&user, &device, first),
            delegation(&device, &session, second),
        ];
        signed("call", &user, &session, links)
    };
    let authority = authenticate(&chain(vec![], targets(&[CANISTER])), NOW).expect("a valid chain");
    assert!(authority.allows(&CANISTER) && !authority.allows(&other));
    let both = chain(targets(&[CANISTER, other]), targets(&[other]));
    assert_eq!(authenticate(&both, NOW), Err(Refused::Target(CANISTER)));
    let broken = signed(
        "call",
        &user,
        &session,
        vec![delegation(&device, &session, vec![])],
    );
    assert!(matches!(
        authenticate(&broken, NOW),
        Err(Refused::Delegation(_))
    ));
    let cycle = vec![
        delegation(&user, &device, vec![]),
        delegation(&device, &user, vec![]),
    ];
    let cycle = authenticate(&signed("call", &user, &user, cycle), NOW);
    assert!(matches!(cycle, Err(Refused::Delegation(_))));
}

#[test]
fn a_delegation_expires_and_may_be_for_queries_only() {
    let (user, session) = (ed25519(1), ed25519(2));
    let with = |kind, more| {
        signed(
            kind,
            &user,
            &session,
            vec![delegation(&user, &session, more)],
        )
    };
    let permissions = |text: &str| vec![("permissions".into(), text.into())];
    assert_eq!(
        authenticate(&with("call", permissions("queries")), NOW),
        Err(Refused::OnlyQueries)
    );
    assert!(authenticate(&with("query", permissions("queries")), NOW).is_ok());
    assert!(authenticate(&with("call", permissions("all")), NOW).is_ok());
    let unknown = authenticate(&with("query", permissions("some")), NOW);
    assert!(matches!(unknown, Err(Refused::Delegation(_))));
    // The delegation holds until `NOW + 5`, the request itself until `NOW + 1`.
    let content = content("call", &Principal::self_authenticating(&user.der), NOW + 10);
    let id = hash_of(&content).expect("a hash");
    let body = cbor::encode(cbor::map([
        ("content", content),
        ("sender_pubkey", cbor::bytes(&user.der)),
        (
            "sender_sig",
            Value::Bytes((session.sign)(&with_domain("ic-request", &id))),
        ),
        (
            "sender_delegation",
            vec![delegation(&user, &session, vec![])].into(),
        ),
    ]));
    assert!(authenticate(&body, NOW + 5).is_ok());
    assert!(matches!(
        authenticate(&body, NOW + 6),
        Err(Refused::Delegation(_))
    ));
}

#[test]
fn information_on_the_sender_needs_the_word_of_its_canister() {
    let root = SubnetKey::from_seed(b"root");
    let user = canister(&root);
    let body = |info: &[u8]| {
        let mut content = content("call", &Principal::self_authenticating(&user.der), NOW + 1);
        let vouched = cbor::map([
            ("info", cbor::bytes(info)),
            ("signer", cbor::bytes(CANISTER.as_slice())),
            (
                "sig",
                Value::Bytes((user.sign)(&with_domain("ic-sender-info", b"name"))),
            ),
        ]);
        content
            .as_map_mut()
            .expect("a map")
            .push(("sender_info".into(), vouched));
        let id = hash_of(&content).expect("a hash");
        cbor::encode(cbor::map([
            ("content", content),
            ("sender_pubkey", cbor::bytes(&user.der)),
            (
                "sender_sig",
                Value::Bytes((user.sign)(&with_domain("ic-request", &id))),
            ),
        ]))
    };
    assert!(authenticate(&body(b"name"), NOW).is_ok());
    assert!(matches!(
        authenticate(&body(b"other"), NOW),
        Err(Refused::Signature(_))
    ));
}

#[test]
fn signatures_of_canisters_verify_on_their_own() {
    let root = SubnetKey::from_seed(b"root");
    let user = canister(&root);
    let signature = (user.sign)(b"message");
    let verify = |message: &[u8], key: &[u8], root: &[u8]| {
        canister_signature::verify(message, &signature, key, root)
    };
    assert_eq!(verify(b"message", &user.der, root.public_key()), Ok(()));
    use canister_signature::Unverified;
    assert!(matches!(
        verify(b"other", &user.der, root.public_key()),
        Err(Unverified::Signature(_))
    ));
    assert!(matches!(
        verify(b"message", b"key", root.public_key()),
        Err(Unverified::Key(_))
    ));
    assert!(matches!(
        verify(b"message", &user.der, b"key"),
        Err(Unverified::Key(_))
    ));
}

#[test]
fn bodies_that_are_no_envelope_are_refused_with_a_reason() {
    let with = |content: Value| cbor::encode(cbor::map([("content", content)]));
    let mut unknown = content("call", &CANISTER, NOW);
    cbor::take(&mut unknown, "arg");
    for (body, reason) in [
        (vec![], ""),
        (vec![0xff], ""),
        (cbor::encode(Value::Map(vec![])), "missing field `content`"),
        (
            with(content("burn", &CANISTER, NOW)),
            "unknown request type `burn`",
        ),
        (with(unknown), "missing field `arg`"),
        (with(Value::Float(1.0)), "the content has no hash"),
    ] {
        let error = Envelope::decode(&body).expect_err("no envelope");
        assert!(error.0.contains(reason), "{}", error.0);
    }
}
