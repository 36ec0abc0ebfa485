//! What HTTP/2 has of its own, byte by byte.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::client::Server;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u8,
    content: Vec<u8>,
}

fn send(to: &mut TcpStream, kind: u8, flags: u8, stream: u8, content: &[u8]) {
    let [.., high, low] = content.len().to_be_bytes();
    let head = [0, high, low, kind, flags, 0, 0, 0, stream];
    to.write_all(&[&head, content].concat()).unwrap();
}

fn receive(from: &mut TcpStream) -> Frame {
    let mut head = [0; 9];
    from.read_exact(&mut head).unwrap();
    let mut content = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    from.read_exact(&mut content).unwrap();
    Frame {
        kind: head[3],
        flags: head[4],
        stream: head[8],
        content,
    }
}

/// A connection whose first stream has asked, and all that comes on that until its end.
fn ask(server: &Server, fields: &[(&str, &str)], flags: u8) -> (TcpStream, Vec<Frame>) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    send(&mut stream, SETTINGS, 0, 0, b"");
    let mut content = Vec::new();
    for (name, value) in fields {
        // A field as it is, in no table.
        content.push(0);
        for text in [name, value] {
            content.push(text.len() as u8);
            content.extend(text.bytes());
        }
    }
    send(&mut stream, HEADERS, flags | END_HEADERS, 1, &content);
    let mut frames = Vec::new();
    loop {
        let frame = receive(&mut stream);
        if frame.stream == 1 {
            let last = frame.kind == RST_STREAM || frame.flags & END_STREAM != 0;
            frames.push(frame);
            if last {
                return (stream, frames);
            }
        }
    }
}

#[test]
fn an_answer_to_head_has_no_body() {
    let server = Server::start(&[]);
    let fields = [
        (":method", "HEAD"),
        (":scheme", "http"),
        (":path", "/health"),
        (":authority", "x"),
    ];
    let (_, frames) = ask(&server, &fields, END_STREAM);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].kind, HEADERS);
}

/// Clients that are told to stop in the middle of a body do not look at the answer.
#[test]
fn a_body_that_nobody_wants_may_be_sent() {
    let server = Server::start(&["--max-body-bytes", "100"]);
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/run"),
        (":authority", "x"),
        ("content-type", "application/json"),
        ("content-length", "1000"),
    ];
    let (mut stream, frames) = ask(&server, &fields, 0);
    let body = frames.iter().filter(|frame| frame.kind == DATA);
    let body: Vec<u8> = body.flat_map(|frame| frame.content.clone()).collect();
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("body_too_large"), "{body}");
    send(&mut stream, DATA, END_STREAM, 1, &[b' '; 1000]);
    send(&mut stream, PING, 0, 0, &[0; 8]);
    loop {
        let frame = receive(&mut stream);
        assert_ne!(frame.kind, RST_STREAM);
        if frame.kind == PING && frame.flags & ACK != 0 {
            return;
        }
    }
}
