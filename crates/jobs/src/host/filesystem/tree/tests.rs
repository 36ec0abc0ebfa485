//! Files and directories in memory, and their limits.

use super::*;

fn errno(tree: &Tree, path: &str) -> Errno {
    tree.resolve(ROOT, path.as_bytes()).unwrap_err()
}

#[test]
fn no_path_leads_out() {
    let mut tree = Tree::new(64, 100);
    tree.create(ROOT, "d", true, 0).unwrap();
    for path in [
        "/etc/passwd",
        "..",
        "../../etc/passwd",
        "d/../../x",
        "./d/./../..",
    ] {
        assert_eq!(errno(&tree, path), Errno::NOTCAPABLE, "{path}");
    }
    assert_eq!(errno(&tree, "x/../y"), Errno::NOENT);
    assert_eq!(errno(&tree, ""), Errno::NOENT);
    assert_eq!(errno(&tree, &"a".repeat(5000)), Errno::NAMETOOLONG);
    assert_eq!(errno(&tree, &"a".repeat(256)), Errno::NAMETOOLONG);
    assert_eq!(tree.resolve(ROOT, b"\xff").unwrap_err(), Errno::ILSEQ);
    assert_eq!(tree.resolve(ROOT, b"d/..").unwrap().node, Some(ROOT));
    assert_eq!(
        tree.resolve(ROOT, b"d//x").unwrap().name.as_deref(),
        Some("x")
    );
}

#[test]
fn files_and_bytes_are_limited_and_given_back() {
    let mut tree = Tree::new(2, 10);
    let file = tree.create(ROOT, "a", false, 0).unwrap();
    tree.create(ROOT, "d", true, 0).unwrap();
    assert_eq!(tree.create(ROOT, "b", false, 0), Err(Errno::NOSPC));
    tree.write(file, 0, b"0123456789", 0).unwrap();
    assert_eq!(tree.write(file, 10, b"x", 0), Err(Errno::NOSPC));
    assert_eq!(tree.write(file, u64::MAX, b"x", 0), Err(Errno::FBIG));
    tree.opened(file, true);
    tree.unlink(ROOT, "a", 0);
    assert_eq!(
        tree.create(ROOT, "b", false, 0),
        Err(Errno::NOSPC),
        "still open"
    );
    tree.closed(file, true);
    let file = tree.create(ROOT, "b", false, 0).unwrap();
    tree.write(file, 9, b"x", 0).unwrap();
    assert_eq!(tree.file(file).unwrap(), b"\0\0\0\0\0\0\0\0\0x");
}

/// Otherwise many files that were long once would take many times what all of them may.
#[test]
fn a_file_that_is_made_shorter_gives_its_memory_back() {
    let mut tree = Tree::new(2, 1 << 20);
    let file = tree.create(ROOT, "a", false, 0).unwrap();
    for size in [1 << 20, 10, 0] {
        tree.resize(file, size, 0).unwrap();
    }
    match &tree.entry(file).unwrap().content {
        Content::File(content) => assert!(content.capacity() < 1000),
        Content::Directory(_) => panic!("a directory"),
    }
}

#[test]
fn a_file_of_the_host_is_free() {
    let mut tree = Tree::new(0, 0);
    tree.put_file("r", vec![1; 100], 0).unwrap();
    tree.put_file("r", vec![2; 50], 0).unwrap();
    let node = tree.child(ROOT, "r").unwrap();
    assert_eq!(tree.file(node).unwrap().len(), 50);
    assert_eq!(tree.write(node, 50, b"x", 0), Err(Errno::NOSPC));
    tree.resize(node, 0, 0).unwrap();
    tree.remove_file("r");
    assert_eq!((tree.files, tree.bytes), (0, 0));
}

#[test]
fn renaming_replaces_like_by_like() {
    let mut tree = Tree::new(9, 100);
    tree.create(ROOT, "f", false, 0).unwrap();
    let d = tree.create(ROOT, "d", true, 0).unwrap();
    tree.create(d, "e", true, 0).unwrap();
    let place = |tree: &Tree, path: &str| tree.resolve(ROOT, path.as_bytes()).unwrap();
    let rename = |tree: &mut Tree, from: &str, to: &str| {
        let (from, to) = (place(tree, from), place(tree, to));
        tree.rename(&from, &to, 0)
    };
    assert_eq!(rename(&mut tree, "f", "d"), Err(Errno::ISDIR));
    assert_eq!(rename(&mut tree, "d", "f"), Err(Errno::NOTDIR));
    assert_eq!(rename(&mut tree, "d", "d/e/x"), Err(Errno::INVAL));
    assert_eq!(rename(&mut tree, "x", "y"), Err(Errno::NOENT));
    assert_eq!(rename(&mut tree, "f", "d/g"), Ok(()));
    assert_eq!(rename(&mut tree, "d/e", "e"), Ok(()));
    assert_eq!(rename(&mut tree, "e", "d"), Err(Errno::NOTEMPTY));
    assert_eq!(tree.names(d).unwrap().keys().collect::<Vec<_>>(), ["g"]);
}

#[test]
fn answers_that_are_kept_open_take_the_room_of_files() {
    let mut tree = Tree::new(64, 100);
    let mut held = Vec::new();
    for _ in 0..2 {
        tree.put_file("r", vec![0; 60], 0).unwrap();
        held.push(tree.child(ROOT, "r").unwrap());
        tree.opened(held[held.len() - 1], false);
    }
    // The third replaces the second, with which there are 120 bytes.
    assert_eq!(tree.put_file("r", vec![0; 60], 0), Err(Errno::NOSPC));
    let node = tree.create(ROOT, "f", false, 0).unwrap();
    assert_eq!(tree.write(node, 0, b"x", 0), Err(Errno::NOSPC));
    for node in held {
        tree.closed(node, false);
    }
    tree.write(node, 0, &[0; 100], 0).unwrap();
    tree.put_file("r", vec![0; 60], 0).unwrap();
    let from = tree.resolve(ROOT, b"r").unwrap();
    let to = tree.resolve(ROOT, b"kept").unwrap();
    tree.rename(&from, &to, 0).unwrap();
    assert_eq!(tree.put_file("r", vec![0; 60], 0), Err(Errno::NOSPC));
}
