//! The clock of an instance (pocket-ic-api.md 3.5).

use super::*;

const START: u64 = 1_620_328_630_000_000_001;

struct Clock {
    client: Client,
    path: String,
    canister: Principal,
}

impl Clock {
    fn now(&mut self) -> u64 {
        let time = self.client.get(&format!("{}/read/get_time", self.path));
        time.json()["nanos_since_epoch"].as_u64().unwrap()
    }

    fn set(&mut self, verb: &str, time: u64) -> Answer {
        let path = format!("{}/update/{verb}", self.path);
        self.client.post(&path, &json!({"nanos_since_epoch": time}))
    }

    fn tick(&mut self) {
        let ticked = self
            .client
            .post(&format!("{}/update/tick", self.path), &json!({}));
        assert_eq!((ticked.status, ticked.json()), (200, Value::Null));
    }

    /// The time that the canister sees in a query.
    fn seen(&mut self) -> u64 {
        let query = call(self.canister, "time", b"");
        let seen = self
            .client
            .ask(&format!("{}/read/query", self.path), &query);
        u64::from_le_bytes(bytes(&seen["Ok"]).unwrap().try_into().unwrap())
    }
}

#[test]
fn a_round_takes_a_nanosecond_unless_the_clock_was_moved() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let path = format!("/instances/{instance}");
    let canister = client.canister(instance, &json!("None"));
    let mut clock = Clock {
        client,
        path,
        canister,
    };
    // One round for creating, one for installing.
    assert_eq!(clock.now(), START + 2);
    clock.tick();
    assert_eq!(clock.now(), START + 3);
    let later = START + 5_000_000_000;
    assert_eq!(clock.set("set_time", later).body, b"null");
    assert_eq!((clock.now(), clock.seen()), (later, START + 3));
    clock.tick();
    assert_eq!((clock.now(), clock.seen()), (later, later));
    clock.tick();
    assert_eq!((clock.now(), clock.seen()), (later + 1, later + 1));
    assert_eq!(clock.set("set_time", later + 1).status, 200);
    clock.tick();
    assert_eq!(clock.now(), later + 2);
    let past = clock.set("set_time", later);
    assert_eq!(past.status, 400);
    assert_eq!(
        past.message(),
        format!("SettingTimeIntoPast(({}, {later}))", later + 2)
    );
    let certified = later + 10;
    assert_eq!(clock.set("set_certified_time", certified).status, 200);
    assert_eq!((clock.now(), clock.seen()), (certified, certified));
    clock.tick();
    assert_eq!(clock.now(), certified + 1);
}

#[test]
fn the_first_time_can_be_chosen() {
    let server = Server::start();
    let mut client = server.client();
    let with = |time: u64| {
        json!({
            "subnet_config_set": subnets(&["application"]),
            "initial_time": {"Timestamp": {"nanos_since_epoch": time}},
        })
    };
    let early = client.post("/instances", &with(5));
    assert_eq!(early.status, 400);
    assert_eq!(
        early.message(),
        "The initial timestamp (unix timestamp in nanoseconds) must be no earlier than 1620328630000000000 (provided 5)."
    );
    let made = client.post("/instances", &with(START + 70));
    assert_eq!(made.status, 201);
    let time = client.get("/instances/0/read/get_time").json();
    assert_eq!(time, json!({"nanos_since_epoch": START + 71}));
}

#[test]
fn an_instance_that_goes_on_by_itself_has_the_time_of_the_computer() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let path = format!("/instances/{instance}");
    let canister = client.canister(instance, &json!("None"));
    let live = format!("{path}/auto_progress");
    assert_eq!(client.get(&live).json(), json!(false));
    assert_eq!(client.ask(&live, &json!({})), Value::Null);
    assert_eq!(client.get(&live).json(), json!(true));
    let again = client.post(&live, &json!({"artificial_delay_ms": 5}));
    assert_eq!(again.status, 400);
    assert_eq!(
        again.message(),
        "Auto progress mode has already been enabled."
    );
    let computer = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let mut clock = Clock {
        client,
        path,
        canister,
    };
    let now = clock.now();
    assert!(now.abs_diff(computer) < 60_000_000_000, "{now} {computer}");
    let reply = clock.client.reply(instance, &call(canister, "write", b""));
    assert_eq!(reply, [1, 0, 0, 0]);
    let stop = format!("{}/stop_progress", clock.path);
    for _ in 0..2 {
        let stopped = clock.client.send("POST", &stop, &[], b"\"\"");
        assert_eq!((stopped.status, &stopped.body[..]), (200, &b"null"[..]));
    }
    let stopped = clock.now();
    assert_eq!(clock.now(), stopped);
}

/// scheduling.md 1.1, P4: a message may wait for five minutes.
#[test]
fn a_message_that_has_waited_too_long_is_not_executed() {
    let (_server, mut client, instance, canister) = with_a_canister();
    let path = format!("/instances/{instance}");
    for (seconds, count) in [(299, Some(1)), (301, None)] {
        let submit = format!("{path}/update/submit_ingress_message");
        let id = client.ask(&submit, &call(canister, "write", b""))["Ok"].clone();
        let now = client.get(&format!("{path}/read/get_time")).json();
        let now = now["nanos_since_epoch"].as_u64().expect("a time");
        let later = json!({"nanos_since_epoch": now + seconds * 1_000_000_000});
        client.post(&format!("{path}/update/set_time"), &later);
        let result = client.ask(&format!("{path}/update/await_ingress_message"), &id);
        match count {
            Some(count) => assert_eq!(bytes(&result["Ok"]), Some(vec![count, 0, 0, 0])),
            None => assert_eq!(result["Err"]["error_code"], "IngressMessageTimeout"),
        }
    }
    assert_eq!(
        client.reply(instance, &call(canister, "write", b"")),
        [2, 0, 0, 0]
    );
}
