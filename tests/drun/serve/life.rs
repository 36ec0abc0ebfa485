//! From start to end (pocket-ic-api.md 1).

use super::*;

fn signalled(server: &mut Server, signal: &str) {
    let id = server.child.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status();
    assert!(sent.expect("kill is there").success());
    let status = server.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "{signal}");
    assert!(!server.port_file().exists(), "{signal}");
}

#[test]
fn signals_end_the_server_in_order() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start();
        server.client().application();
        signalled(&mut server, signal);
    }
}

#[test]
fn a_second_start_on_a_port_file_ends_at_once() {
    let server = Server::start();
    let before = std::fs::read_to_string(server.port_file()).unwrap();
    let second = drun()
        .arg("--port-file")
        .arg(server.port_file())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(0));
    assert_eq!(
        (&second.stdout[..], &second.stderr[..]),
        (&b""[..], &b""[..])
    );
    assert_eq!(std::fs::read_to_string(server.port_file()).unwrap(), before);
    assert_eq!(server.client().get("/status").status, 200);
}

#[test]
fn nobody_asks_and_it_ends() {
    let mut server = Server::start_with(&["--ttl", "1"]);
    let status = server.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert!(!server.port_file().exists());
}

#[cfg(unix)]
#[test]
fn the_version_is_in_the_window_of_the_client() {
    let version = |command: &mut Command| {
        let output = command.arg("--version").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let bin = env!("CARGO_BIN_EXE_drun");
    let chosen = version(drun().env("DRUN_POCKET_IC_VERSION", "13.0.0"));
    assert_eq!(chosen, "pocket-ic-server 13.0.0\n");
    assert_eq!(
        version(drun().env("POCKET_IC_BIN", bin)),
        "pocket-ic-server 16.1.0\n"
    );
    let plain = version(drun().env_remove("POCKET_IC_BIN"));
    assert_eq!(plain, format!("drun {}\n", env!("CARGO_PKG_VERSION")));
    let directory = tempfile::tempdir().unwrap();
    for (name, expected) in [
        ("pocket-ic", "pocket-ic-server 16.1.0\n"),
        ("pocket-ic-server-10.0.0", "pocket-ic-server 10.0.0\n"),
    ] {
        let link = directory.path().join(name);
        std::os::unix::fs::symlink(bin, &link).unwrap();
        assert_eq!(version(&mut Command::new(link)), expected, "{name}");
    }
}

#[test]
fn a_version_that_is_none_is_exit_status_2() {
    for arguments in [&["--version"][..], &["serve", "--ttl", "1"]] {
        let mut command = drun();
        command.args(arguments).env("DRUN_POCKET_IC_VERSION", "13");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            said,
            "error: DRUN_POCKET_IC_VERSION: `13` is no version such as 16.1.0\n"
        );
    }
}

#[test]
fn the_help_tells_the_options() {
    for option in ["--help", "-h"] {
        let output = drun().args(["serve", option]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let help = String::from_utf8(output.stdout).unwrap();
        for name in [
            "--port-file",
            "--hard-ttl",
            "--max-memory",
            "--system-canister",
        ] {
            assert!(help.contains(name), "{name}");
        }
    }
}

#[test]
fn a_server_listens_where_it_is_told_whatever_generation_starts_it() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let wished = port.to_string();
    let options = [
        "--port",
        &wished,
        "--ip-addr=127.0.0.1",
        "-l",
        "error",
        "--log-levels=debug",
        "--pid",
        "1",
        "--ready-file",
        "/x",
        "--mainnet-routing-table",
        "/y",
        "--fetch-mainnet-routing-table",
        "--mainnet-registry-version",
        "7",
    ];
    let mut server = Server::start_with(&options);
    assert_eq!(server.port, port);
    assert_eq!(server.client().get("/status").status, 200);
    let stderr = server.child.stderr.take().expect("it is piped");
    signalled(&mut server, "-TERM");
    let mut said = String::new();
    BufReader::new(stderr).read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "nothing is to be warned of");
}

#[cfg(unix)]
#[test]
fn a_link_of_its_name_serves_without_the_word() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["pocket-ic", "pocket-ic-server"] {
        let link = directory.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_drun"), &link).unwrap();
        let file = directory.path().join(format!("{name}.port"));
        let mut child = Command::new(link)
            .args(["--ttl", "60", "--port-file"])
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let status = Client::new(port_of(&file)).get("/status").status;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(status, 200, "{name}");
    }
}

#[test]
fn unknown_options_are_said_and_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("port");
    let output = drun()
        .args(["serve", "--ttl", "1", "--new-flag", "7", "--port-file"])
        .arg(file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "warning: the option --new-flag is not known and passed over\n"
    );
}

#[test]
fn wrong_values_are_exit_status_2_and_a_taken_port_1() {
    let output = drun().args(["serve", "--port", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let server = Server::start();
    let port = server.port.to_string();
    let output = drun().args(["serve", "--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with(&format!("error: cannot listen on 127.0.0.1:{port}: ")),
        "{said}"
    );
}

#[test]
fn only_what_canisters_print_is_on_standard_error() {
    let mut server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let canister = client.canister(instance, &json!("None"));
    client.reply(instance, &call(canister, "print", b""));
    let stderr = server.child.stderr.take().expect("it is piped");
    signalled(&mut server, "-TERM");
    let mut said = String::new();
    BufReader::new(stderr).read_to_string(&mut said).unwrap();
    assert_eq!(
        said,
        "2021-05-06 19:17:10.000000004 UTC: [Canister lxzze-o7777-77777-aaaaa-cai] seen\n"
    );
}
