//! Objects found by a list: how many requests they take, and what changed since the list.

use std::sync::atomic::{AtomicUsize, Ordering};

use undaunted_chaos::{Failure, Fault, Operation, Rule};

use super::responses::{listing, response, run, serve};
use super::s3::Service;
use super::sandbox::{SHORT, Sandbox, noise};

#[test]
fn small_objects_take_one_request_each_way_and_keep_their_attributes() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["tree/a", "tree/b/c"]);
    sandbox.write("tree/empty", b"");
    let there = "cp -r --content-type text/odd --metadata owner=me tree s3://bucket/t";
    service.run(&sandbox, there).ok();
    assert_eq!(service.server.requests().len(), 3);
    assert_eq!(service.hits(Operation::Put), 3);
    // To find whether it is a tree, and to list it.
    service.run(&sandbox, "cp -r s3://bucket/t back").ok();
    assert_eq!(sandbox.names("back"), ["a", "b/c", "empty"]);
    assert_eq!(service.hits(Operation::Get), 3);
    assert_eq!(service.server.requests().len(), 3 + 3 + 2);

    service
        .run(&sandbox, "cp -r s3://bucket/t s3://bucket/u")
        .ok();
    assert_eq!(service.hits(Operation::Head), 0);
    // What `cp` of one object has from its HEAD, one that was listed has from its GET.
    let copies = service.server.root().join("bucket/u");
    assert_eq!(std::fs::read(copies.join("b/c")).unwrap(), b"tree/b/c");
    let client = service.server.object_store_options();
    let store = undaunted_object_store::open_with(
        "s3://bucket/u/a",
        client,
        undaunted::RetryConfig::storage(),
    );
    let (store, key) = store.unwrap();
    let head = object_store::GetOptions::new().with_head(true);
    let found = service.block_on(object_store::ObjectStore::get_opts(&store, &key, head));
    let attributes = found.unwrap().attributes;
    for (attribute, value) in [
        (object_store::Attribute::ContentType, "text/odd"),
        (object_store::Attribute::Metadata("owner".into()), "me"),
    ] {
        assert_eq!(attributes.get(&attribute).unwrap().as_ref(), value);
    }
}

#[test]
fn larger_objects_take_a_request_for_each_part() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    let content = noise(12 * 1024 * 1024);
    sandbox.write("tree/large", &content);
    service.run(&sandbox, "cp -r tree s3://bucket/t").ok();
    let back = "cp -r --part-size 5MiB s3://bucket/t back";
    service.run(&sandbox, back).ok();
    assert!(sandbox.read("back/large") == content);
    assert_eq!(service.hits(Operation::Get), 3);
    assert_eq!(service.hits(Operation::Head), 0);
    // One object is looked at first, to know that it is one.
    let back = "cp --part-size 5MiB s3://bucket/t/large one";
    service.run(&sandbox, back).ok();
    assert!(sandbox.read("one") == content);
    assert_eq!(service.hits(Operation::Get), 6);
    assert_eq!(service.hits(Operation::Head), 1);
}

/// A server whose list says that `t/x` has `listed` bytes; what it has by now is `content`.
fn changed(listed: u64, content: &'static str) -> u16 {
    let (port, _) = serve(move |head| {
        if head.contains("list-type") {
            listing(&[("t/x", listed)])
        } else {
            object(head, content, "\"now\"")
        }
    });
    port
}

/// The response of a server with ranges and conditions.
fn object(head: &str, content: &str, e_tag: &str) -> String {
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.trim_end().split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    if header("if-match").is_some_and(|condition| condition != e_tag) {
        return response("412 Precondition Failed", "", "");
    }
    let headers = format!("ETag: {e_tag}\r\nLast-Modified: Wed, 21 Oct 2020 07:28:00 GMT\r\n");
    let Some(range) = header("range") else {
        return response("200 OK", &headers, content);
    };
    let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
    let first: usize = first.parse().unwrap();
    let end = (last.parse::<usize>().unwrap() + 1).min(content.len());
    if first >= content.len() {
        return response("416 Range Not Satisfiable", "", "");
    }
    let size = content.len();
    let headers = format!(
        "{headers}Content-Range: bytes {first}-{}/{size}\r\n",
        end - 1
    );
    response("206 Partial Content", &headers, &content[first..end])
}

#[test]
fn an_object_that_changed_since_the_list_is_copied_as_it_is_now() {
    let long: &'static str = "0123456789abcdef".repeat(200).leak();
    for (listed, content) in [
        (3, "grown"),
        (5, "abc"),
        (3, ""),
        (0, "not empty"),
        (3, long),
        (3_000, "abc"),
        (3_000, ""),
        (3_000, long),
        (long.len() as u64, long),
    ] {
        let port = changed(listed, content);
        let sandbox = Sandbox::new();
        let ended = run(&sandbox, port, "cp -r --part-size 1KiB s3://b/t out").ok();
        assert_eq!(sandbox.text("out/x"), content, "{listed}");
        assert!(ended.stdout.contains("0 retries"), "{ended:?}");
    }
}

#[test]
fn an_object_that_vanished_since_the_list_is_named_and_the_others_are_copied() {
    for size in [3, 3_000] {
        let (port, _) = serve(move |head| {
            if head.contains("list-type") {
                listing(&[("t/gone", size), ("t/x", 3)])
            } else if head.contains("/b/t/gone ") {
                response("404 Not Found", "", "<Error><Code>NoSuchKey</Code></Error>")
            } else {
                object(head, "abc", "\"now\"")
            }
        });
        let sandbox = Sandbox::new();
        let ended = run(&sandbox, port, "cp -r --part-size 1KiB s3://b/t out");
        ended.failed(1, &["error: s3://b/t/gone: get failed after 1 attempt: "]);
        assert_eq!(sandbox.names("out"), ["x"]);
    }
}

#[test]
fn a_listed_object_that_is_replaced_while_it_is_read_is_an_error() {
    let content: &'static str = "0123456789abcdef".repeat(200).leak();
    let reads = AtomicUsize::new(0);
    let (port, _) = serve(move |head| {
        if head.contains("list-type") {
            return listing(&[("t/x", content.len() as u64)]);
        }
        match reads.fetch_add(1, Ordering::SeqCst) {
            0 => object(head, content, "\"first\""),
            _ => object(head, content, "\"second\""),
        }
    });
    let sandbox = Sandbox::new();
    let ended = run(&sandbox, port, "cp -r --part-size 1KiB s3://b/t out");
    let changed = "the source was changed while it was being copied: copy it again";
    ended.failed(1, &[changed]);
    assert!(!sandbox.path("out/x").exists());
}

#[test]
fn a_listed_object_whose_body_was_decompressed_on_its_way_is_an_error() {
    let (port, _) = serve(|head| {
        if head.contains("list-type") {
            listing(&[("t/x", 3)])
        } else if head.starts_with("HEAD") {
            object(head, "abc", "\"a\"")
        } else {
            object(head, "decompressed", "\"a\"")
        }
    });
    let sandbox = Sandbox::new();
    let ended = run(&sandbox, port, "cp -r s3://b/t out --max-retries 1");
    ended.failed(1, &["Content-Encoding"]);
    assert!(!sandbox.path("out/x").exists());
}

/// Memory for one part, and one request at a time to each store: whoever has the one must never
/// wait for the other.
#[test]
fn nothing_waits_for_ever_in_a_tiny_memory() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    for number in 0..4 {
        sandbox.write(&format!("tree/large{number}"), &noise(11 << 20));
        sandbox.write(&format!("tree/small{number}"), &noise(10_000));
    }
    let flags = format!("-r --verify --concurrency 1 --part-size 5MiB {SHORT}");
    for line in [
        "tree s3://bucket/t",
        "s3://bucket/t s3://bucket/u",
        "s3://bucket/u back",
    ] {
        service.run(&sandbox, &format!("cp {flags} {line}")).ok();
    }
    for name in sandbox.names("tree") {
        let (source, copy) = (format!("tree/{name}"), format!("back/{name}"));
        assert!(sandbox.read(&source) == sandbox.read(&copy), "{name}");
    }
}

#[test]
fn an_object_that_is_replaced_while_its_pieces_are_written_is_never_a_mixture() {
    for call in 1..=3 {
        let service = Service::start();
        let sandbox = Sandbox::new();
        sandbox.write("tree/large", &noise(12 * 1024 * 1024));
        service.run(&sandbox, "cp -r tree s3://bucket/t").ok();
        let replaced = Fault::ReplaceObject {
            at: 1_500_000,
            failure: Failure::Reset,
        };
        let rule = Rule::new(Operation::Get, replaced).from_call(call);
        service.server.plan().add(rule);
        let back = format!("cp -r {SHORT} --part-size 5MiB s3://bucket/t back");
        let ended = service.run(&sandbox, &back);
        let changed = "the source was changed while it was being copied: copy it again";
        ended.failed(1, &[changed]);
        assert!(!sandbox.path("back").exists());
    }
}
