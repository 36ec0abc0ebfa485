//! For users of the crate `pocket-ic` on `drun serve`: a second instance in the state of the first one. To be copied into a test; needs
//! nothing but the standard library.
//!
//! ```ignore
//! let base = PocketIcBuilder::new().with_application_subnet().build();   // once: canisters, modules, data
//! let id = fork::fork(&base.get_server_url(), base.instance_id)?;         // per test
//! let pic = PocketIc::new_from_existing_instance(base.get_server_url(), id, None);
//! ```

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;

/// Clones an instance of a server, such as `http://127.0.0.1:8000/`; returns the number of the new one.
pub fn fork(server: &str, instance: usize) -> Result<usize> {
    let wrong = |text: &str| Error::new(ErrorKind::InvalidData, text.to_owned());
    let address = server
        .strip_prefix("http://")
        .ok_or_else(|| wrong("the server is not at http://"))?;
    let address = address.trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    let request = format!(
        "POST /instances/{instance}/fork HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, number) = answer
        .split_once("\"instance_id\":")
        .ok_or_else(|| wrong(&answer))?;
    let digits = number.find(|c: char| !c.is_ascii_digit());
    number[..digits.unwrap_or(number.len())]
        .parse()
        .map_err(|_| wrong(&answer))
}
