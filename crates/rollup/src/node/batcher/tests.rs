use super::*;
use crate::encoding::base58::MESSAGE;

/// The texts of the batches of a block, which is then made.
fn block(batcher: &mut Batcher, limits: &Limits) -> Vec<Vec<String>> {
    let text = |waiting: &Waiting| String::from_utf8(waiting.content.clone()).unwrap();
    let batches = batcher.take(limits);
    let texts = batches
        .iter()
        .map(|number| batcher.batch(*number).iter().map(text).collect());
    let texts = texts.collect();
    for (operation, number) in (0..).zip(batches) {
        batcher.include(number, 7, operation);
    }
    texts
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Takes messages in that may wait.
fn inject(batcher: &mut Batcher, messages: &[&str], order: Option<u64>) {
    batcher
        .inject(words(messages), order, false, &Limits::default())
        .unwrap();
}

#[test]
fn the_published_ids() {
    let mut batcher = Batcher::default();
    let ids = batcher
        .inject(
            words(&["1-1", "1-2", "1-3", "1-4", "1-5", "2-1"]),
            None,
            false,
            &Limits::default(),
        )
        .unwrap()
        .ids;
    for (n, text) in [
        (0, "scmsg2rwuPwGBrYsQHFuusVq5DAZFfJ4iGcAJ6Ttvyobd6b1V1oSpUk"),
        (1, "scmsg3WtaZfwmQQzbHobfzcZw3JFy7eYAAJs9RZsGGrnzwEAnzPP5We"),
        (5, "scmsg2Q8u9Ufd95zmF2DmjyhgaHyDNud45t5MXWh4BTdnnVabCT7hFc"),
    ] {
        assert_eq!(MESSAGE.encode(&ids[n]), text);
    }
}

#[test]
fn messages_with_an_order_leave_first_and_batches_have_bounds() {
    let mut batcher = Batcher::default();
    inject(&mut batcher, &["a", "b"], None);
    inject(&mut batcher, &["z"], Some(5));
    inject(&mut batcher, &["y"], Some(1));
    let limits = Limits {
        batch_size: 10,
        ..Limits::default()
    };
    assert_eq!(block(&mut batcher, &limits), [["y", "z"], ["a", "b"]]);
    inject(&mut batcher, &["1", "2", "3"], None);
    let limits = Limits {
        batch_elements: 1,
        batches: 2,
        ..Limits::default()
    };
    assert_eq!(block(&mut batcher, &limits), [["1"], ["2"]]);
    assert_eq!(batcher.len(), 1);
}

#[test]
fn duplicates_are_dropped_when_asked_wherever_the_first_is() {
    let mut batcher = Batcher::default();
    let twice = batcher
        .inject(words(&["x", "x"]), None, true, &Limits::default())
        .unwrap()
        .ids;
    assert_eq!((twice[0], batcher.len()), (twice[1], 1));
    assert_eq!(block(&mut batcher, &Limits::default()), [["x"]]);
    assert_eq!(
        batcher
            .inject(words(&["x"]), None, true, &Limits::default())
            .unwrap(),
        Injected {
            ids: vec![twice[0]],
            new: vec![]
        }
    );
    assert!(batcher.is_empty());
    assert_eq!(
        batcher.status(&twice[0]).0,
        Status::Included {
            level: 7,
            operation: 0
        }
    );
}

#[test]
fn what_was_taken_waits_until_its_block_is_made_and_again_when_the_block_is_gone() {
    let mut batcher = Batcher::default();
    let limits = Limits {
        batches: 1,
        ..Limits::default()
    };
    let ids = batcher
        .inject(words(&["a", "b"]), None, true, &limits)
        .unwrap()
        .ids;
    let taken = batcher.take(&limits);
    assert_eq!(batcher.status(&ids[0]).0, Status::Batched(taken[0]));
    assert_eq!((batcher.len(), batcher.all().count()), (2, 2));
    batcher.clear(None, false);
    // The block was not made: the next one gets the same.
    assert_eq!(batcher.take(&limits), taken);
    assert_eq!(block(&mut batcher, &limits), [["a", "b"]]);
    batcher.inject(words(&["c"]), None, true, &limits).unwrap();
    assert_eq!(batcher.take(&limits).len(), 1);
    // An operation that is not known as a whole is nobody's.
    assert_eq!(batcher.give_back(6, &[(7, 0, 2), (7, 1, 1)]), [true, false]);
    assert_eq!(batcher.status(&ids[1]).0, Status::Pending);
    let again = batcher.inject(words(&["b"]), None, true, &limits).unwrap();
    assert!(again.new.is_empty());
    assert_eq!(block(&mut batcher, &limits), [["a", "b", "c"]]);
}

#[test]
fn what_is_too_large_or_too_much_is_refused_as_a_whole() {
    let mut batcher = Batcher::default();
    assert_eq!(
        batcher.inject(
            vec![vec![0; 4095], vec![0; 4096]],
            None,
            false,
            &Limits::default()
        ),
        Err(Refused::TooLarge(1, 4100))
    );
    let narrow = Limits {
        batch_size: 20,
        ..Limits::default()
    };
    let refused = batcher.inject(vec![vec![0; 16], vec![0; 17]], None, false, &narrow);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Message 1 is too large (max size is 20)"
    );
    assert!(batcher.is_empty());
    batcher
        .inject(vec![vec![]; CAPACITY], None, false, &Limits::default())
        .unwrap();
    assert_eq!(
        batcher.inject(vec![vec![]], None, false, &Limits::default()),
        Err(Refused::Full)
    );
    batcher.clear(None, false);
    assert!(batcher.is_empty());
}

#[test]
fn full_batches_are_made_at_once_and_wait_for_a_block() {
    let mut batcher = Batcher::default();
    let limits = Limits {
        batch_size: 10,
        min_elements: 3,
        batches: 1,
        ..Limits::default()
    };
    let ids = batcher
        .inject(words(&["a", "b"]), None, false, &Limits::default())
        .unwrap()
        .ids;
    batcher.fill(&limits);
    assert_eq!(batcher.status(&ids[0]).0, Status::Pending);
    inject(&mut batcher, &["c"], Some(0));
    batcher.fill(&limits);
    assert_eq!(
        batcher.status(&ids[0]),
        (Status::Batched(0), Some(&b"a"[..]))
    );
    assert_eq!(batcher.status(&ids[1]).0, Status::Pending);
    assert_eq!(batcher.len(), 3);
    assert_eq!(block(&mut batcher, &limits), [["c", "a"]]);
    assert_eq!(block(&mut batcher, &limits), [["b"]]);
    assert!(batcher.is_empty() && batcher.take(&limits).is_empty());
}

#[test]
fn the_queue_can_be_cleared_in_part() {
    let mut batcher = Batcher::default();
    inject(&mut batcher, &["a"], None);
    inject(&mut batcher, &["b"], Some(3));
    inject(&mut batcher, &["c"], Some(9));
    batcher.clear(Some(3), false);
    assert_eq!(batcher.len(), 2);
    batcher.clear(Some(3), true);
    assert_eq!(batcher.queue().next().unwrap().content, b"c");
}

#[test]
fn batches_leave_in_the_order_of_their_first_messages() {
    let mut batcher = Batcher::default();
    let limits = Limits {
        batch_size: 10,
        batches: 1,
        ..Limits::default()
    };
    let all = Limits::default();
    batcher
        .inject(words(&["a", "b", "c", "d"]), None, false, &all)
        .unwrap();
    assert_eq!(block(&mut batcher, &limits), [["a", "b"]]);
    batcher.flush(&limits);
    assert_eq!((batcher.batches(), batcher.queue().count()), (1, 0));
    batcher.inject(words(&["y"]), Some(2), false, &all).unwrap();
    batcher.inject(words(&["x"]), Some(1), false, &all).unwrap();
    batcher.flush(&limits);
    assert_eq!(block(&mut batcher, &limits), [["x", "y"]]);
    assert_eq!(block(&mut batcher, &limits), [["c", "d"]]);
}

#[test]
fn batches_can_be_dropped_but_for_those_that_leave() {
    let mut batcher = Batcher::default();
    let limits = Limits {
        batch_elements: 1,
        batches: 1,
        ..Limits::default()
    };
    let ids = batcher
        .inject(words(&["a", "b"]), None, false, &limits)
        .unwrap()
        .ids;
    batcher.flush(&limits);
    let leaving = batcher.take(&limits);
    batcher.drop_batches(&leaving);
    assert_eq!(batcher.status(&ids[1]).0, Status::Unknown);
    assert_eq!(batcher.len(), 1);
    assert_eq!(block(&mut batcher, &limits), [["a"]]);
    assert!(batcher.is_empty());
}

#[test]
fn where_a_message_is_is_remembered_for_some_blocks_only() {
    let mut batcher = Batcher::default();
    let limits = Limits::default();
    let ids = batcher
        .inject(words(&["a"]), None, true, &limits)
        .unwrap()
        .ids;
    // It is in the block of level 7.
    assert_eq!(block(&mut batcher, &limits), [["a"]]);
    batcher.forget(7);
    assert_ne!(batcher.status(&ids[0]).0, Status::Unknown);
    batcher.forget(8);
    assert_eq!(batcher.status(&ids[0]).0, Status::Unknown);
    // It is no duplicate any more.
    assert_eq!(
        batcher
            .inject(words(&["a"]), None, true, &limits)
            .unwrap()
            .new
            .len(),
        1
    );
}
