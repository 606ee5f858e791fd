use undaunted_chaos::{Fault, Operation, Rule};

use super::*;
use crate::request::tests::request;

const KEY: &str = "a";
const OLD: Content = Content::new(1, 100);
const NEW: Content = Content::new(2, 100);

fn there(contents: &[(&str, Content)]) -> Objects {
    let object = |(key, content): &(&str, Content)| ((*key).to_owned(), content.bytes());
    contents.iter().map(object).collect()
}

fn scenario(call: Call, right: Right) -> Scenario {
    Scenario::new("test", "", call)
        .prepared([Prepared::Object(KEY, OLD)])
        .right(right)
}

fn failed(kind: Kind) -> Outcome {
    let text = String::new();
    Outcome::Failed(Failure { kind, text })
}

fn bodies(content: Content) -> Outcome {
    Outcome::Replied(Reply::Bodies(vec![content.bytes()]))
}

fn verdict(
    scenario: &Scenario,
    outcome: &Outcome,
    objects: &Objects,
) -> Result<&'static str, String> {
    with_uploads(scenario, outcome, objects, 0)
}

fn with_uploads(
    scenario: &Scenario,
    outcome: &Outcome,
    objects: &Objects,
    uploads: usize,
) -> Result<&'static str, String> {
    let requests = &[];
    let evidence = Evidence {
        objects,
        uploads,
        requests,
    };
    judge(scenario, outcome, &evidence)
}

#[test]
fn a_read_must_return_the_bytes_of_the_object() {
    let get = scenario(Call::Get { key: KEY }, Right::Success);
    let objects = there(&[(KEY, OLD)]);
    assert!(verdict(&get, &bodies(OLD), &objects).is_ok());
    assert_eq!(
        verdict(&get, &bodies(NEW), &objects),
        Err("wrong bytes".into())
    );
    let half = Outcome::Replied(Reply::Bodies(vec![OLD.bytes().slice(..50)]));
    assert_eq!(
        verdict(&get, &half, &objects),
        Err("50 bytes of 100".into())
    );
    let nothing = Outcome::Replied(Reply::Done);
    assert!(verdict(&get, &nothing, &objects).is_err());
    assert_eq!(
        verdict(&get, &failed(Kind::Other), &objects),
        Err("error".into())
    );
    assert!(verdict(&get, &Outcome::Hung, &objects).is_err());
    assert!(
        verdict(&get, &bodies(OLD), &there(&[])).is_err(),
        "the object is gone"
    );
}

#[test]
fn a_range_must_be_that_part_of_the_object() {
    let range = scenario(
        Call::GetRange {
            key: KEY,
            range: 10..20,
        },
        Right::Success,
    );
    let objects = there(&[(KEY, OLD)]);
    let part = |range: std::ops::Range<usize>| {
        Outcome::Replied(Reply::Bodies(vec![OLD.bytes().slice(range)]))
    };
    assert!(verdict(&range, &part(10..20), &objects).is_ok());
    assert!(verdict(&range, &part(11..21), &objects).is_err());
}

#[test]
fn wrong_bytes_are_wrong_even_if_an_error_is_right() {
    let get = scenario(Call::Get { key: KEY }, Right::SuccessOrError);
    let objects = there(&[(KEY, OLD)]);
    assert_eq!(verdict(&get, &failed(Kind::Other), &objects), Ok("error"));
    assert!(verdict(&get, &bodies(OLD), &objects).is_ok());
    assert!(verdict(&get, &bodies(NEW), &objects).is_err());
}

#[test]
fn a_mixture_of_two_versions_is_wrong() {
    let get = scenario(Call::Get { key: KEY }, Right::OneVersionOrError);
    let objects = there(&[(KEY, NEW)]);
    let mixture = [OLD.bytes().slice(..50), NEW.bytes().slice(50..)].concat();
    let mixture = Outcome::Replied(Reply::Bodies(vec![mixture.into()]));
    assert!(verdict(&get, &bodies(OLD), &objects).is_ok());
    assert!(verdict(&get, &bodies(NEW), &objects).is_ok());
    assert!(verdict(&get, &mixture, &objects).is_err());
}

#[test]
fn a_write_must_leave_its_object_and_nothing_else() {
    let put = scenario(
        Call::Put {
            key: "b",
            content: NEW,
        },
        Right::Success,
    );
    let done = Outcome::Replied(Reply::Done);
    assert!(verdict(&put, &done, &there(&[(KEY, OLD), ("b", NEW)])).is_ok());
    for wrong in [
        there(&[(KEY, OLD)]),
        there(&[(KEY, OLD), ("b", OLD)]),
        there(&[(KEY, OLD), ("b", NEW), ("c", NEW)]),
        there(&[("b", NEW)]),
    ] {
        assert!(verdict(&put, &done, &wrong).is_err());
    }
}

#[test]
fn many_puts_must_leave_every_object() {
    let call = Call::PutMany {
        keys: &["b", "c"],
        content: NEW,
    };
    let put = scenario(call, Right::Success);
    let done = Outcome::Replied(Reply::Done);
    let second = NEW.numbered(1);
    let all = there(&[(KEY, OLD), ("b", NEW), ("c", second)]);
    assert!(verdict(&put, &done, &all).is_ok());
    for wrong in [
        there(&[(KEY, OLD), ("b", NEW)]),
        there(&[(KEY, OLD), ("b", second), ("c", NEW)]),
    ] {
        assert!(verdict(&put, &done, &wrong).is_err());
    }
}

#[test]
fn a_rename_moves_and_a_delete_removes() {
    let done = Outcome::Replied(Reply::Done);
    let rename = scenario(Call::Rename { from: KEY, to: "b" }, Right::Success);
    assert!(verdict(&rename, &done, &there(&[("b", OLD)])).is_ok());
    assert!(verdict(&rename, &done, &there(&[(KEY, OLD), ("b", OLD)])).is_err());
    let delete = scenario(Call::Delete { key: KEY }, Right::Success);
    assert!(verdict(&delete, &done, &there(&[])).is_ok());
    assert!(verdict(&delete, &done, &there(&[(KEY, OLD)])).is_err());
}

#[test]
fn a_list_has_every_key_once() {
    let list =
        Scenario::new("test", "", Call::List { prefix: "l/" }).prepared([Prepared::Files("l/", 2)]);
    let objects = before(&list);
    let listed = |keys: &[&str]| {
        Outcome::Replied(Reply::listed(
            keys.iter().map(|key| (*key).to_owned()).collect(),
        ))
    };
    assert!(verdict(&list, &listed(&["l/00000", "l/00001"]), &objects).is_ok());
    assert!(verdict(&list, &listed(&["l/00000"]), &objects).is_err());
    let twice = ["l/00000", "l/00001", "l/00001"];
    assert!(verdict(&list, &listed(&twice), &objects).is_err());
}

#[test]
fn an_odd_key_is_listed_or_named_and_a_marker_is_no_object() {
    let insert = |name: &str| {
        let fault = Fault::InsertKeys {
            names: vec![name.to_owned()],
            size: 0,
        };
        let list = Scenario::new("test", "", Call::List { prefix: "l/" });
        list.prepared([Prepared::Files("l/", 1)])
            .rules([Rule::new(Operation::List, fault)])
    };
    let judged = |scenario: &Scenario, listed: &[&str], named: &[&str]| {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let reply = Reply::Keys {
            listed: owned(listed),
            named: owned(named),
        };
        verdict(scenario, &Outcome::Replied(reply), &before(scenario))
    };
    let odd = insert("l//a");
    assert!(judged(&odd, &["l//a", "l/00000"], &[]).is_ok());
    assert!(judged(&odd, &["l/00000"], &["l//a"]).is_ok());
    assert!(judged(&odd, &["l/00000"], &[]).is_err());
    assert!(judged(&odd, &["l/a", "l/00000"], &[]).is_err());
    assert!(judged(&odd, &["l//a"], &["l/00000"]).is_err());
    let marker = insert("l/");
    assert!(judged(&marker, &["l/", "l/00000"], &[]).is_ok());
    assert!(judged(&marker, &["l/00000"], &[]).is_ok());
    assert_eq!(
        judged(&marker, &["l", "l/00000"], &[]),
        Err("\"l\" is listed, and no such object exists".to_owned())
    );
}

#[test]
fn a_failure_must_be_of_the_right_kind_and_change_nothing() {
    let kind = Kind::Conflict;
    let right = Right::Failure {
        kind,
        immediately: false,
    };
    let create = scenario(
        Call::Create {
            key: KEY,
            content: NEW,
        },
        right,
    );
    let objects = there(&[(KEY, OLD)]);
    assert_eq!(
        verdict(&create, &failed(Kind::Conflict), &objects),
        Ok("conflict")
    );
    assert!(verdict(&create, &failed(Kind::Other), &objects).is_err());
    assert!(verdict(&create, &Outcome::Replied(Reply::Done), &objects).is_err());
    assert!(verdict(&create, &failed(Kind::Conflict), &there(&[(KEY, NEW)])).is_err());
}

#[test]
fn another_error_is_no_statement_about_the_object_and_leaves_no_upload() {
    let upload = scenario(
        Call::Upload {
            key: "b",
            content: NEW,
        },
        Right::OtherError,
    );
    let objects = there(&[(KEY, OLD)]);
    assert_eq!(
        verdict(&upload, &failed(Kind::Other), &objects),
        Ok("error")
    );
    assert!(verdict(&upload, &failed(Kind::NotFound), &objects).is_err());
    assert!(with_uploads(&upload, &failed(Kind::Other), &objects, 1).is_err());
    assert!(verdict(&upload, &Outcome::Replied(Reply::Done), &objects).is_err());
}

#[test]
fn success_or_another_error_leaves_all_or_nothing() {
    let put = scenario(
        Call::Put {
            key: "b",
            content: NEW,
        },
        Right::SuccessOrOtherError,
    );
    let nothing = there(&[(KEY, OLD)]);
    let all = there(&[(KEY, OLD), ("b", NEW)]);
    let done = Outcome::Replied(Reply::Done);
    let error = failed(Kind::Other);
    assert_eq!(verdict(&put, &done, &all), Ok(""));
    assert_eq!(verdict(&put, &error, &nothing), Ok("error"));
    assert!(verdict(&put, &done, &nothing).is_err());
    assert!(verdict(&put, &error, &all).is_err());
    assert!(with_uploads(&put, &error, &nothing, 1).is_err());
    assert!(verdict(&put, &failed(Kind::NotFound), &nothing).is_err());
}

#[test]
fn a_named_error_names_the_cause_without_many_requests() {
    let right = Right::NamedError {
        words: &["507", "full"],
        requests: 1,
    };
    let get = scenario(Call::Get { key: KEY }, right);
    let objects = there(&[(KEY, OLD)]);
    let request = request(Operation::Get, 0, None, Some(507));
    let judged = |kind, text: &str, count| {
        let text = text.to_owned();
        let evidence = Evidence {
            objects: &objects,
            uploads: 0,
            requests: &vec![request.clone(); count],
        };
        judge(&get, &Outcome::Failed(Failure { kind, text }), &evidence)
    };
    assert_eq!(judged(Kind::Other, "Storage Full", 1), Ok("error"));
    assert!(judged(Kind::Other, "no", 1).is_err());
    assert!(judged(Kind::Other, "HTTP status 507", 2).is_err());
    assert!(judged(Kind::Denied, "HTTP status 507", 1).is_err());
    assert!(verdict(&get, &bodies(OLD), &objects).is_err());
}

#[test]
fn immediately_is_one_request_and_a_create_is_applied_once() {
    let put = |fault: Option<&str>, status| request(Operation::Put, 0, fault, status);
    let right = Right::Failure {
        kind: Kind::NotFound,
        immediately: true,
    };
    let get = Scenario::new("test", "", Call::Get { key: KEY }).right(right);
    let objects = there(&[]);
    let requests = [put(None, Some(404)), put(None, Some(404))];
    let judged =
        |scenario: &Scenario, outcome: &Outcome, objects: &Objects, requests: &[Request]| {
            let evidence = Evidence {
                objects,
                uploads: 0,
                requests,
            };
            judge(scenario, outcome, &evidence)
        };
    assert!(judged(&get, &failed(Kind::NotFound), &objects, &requests[..1]).is_ok());
    assert!(judged(&get, &failed(Kind::NotFound), &objects, &requests).is_err());

    let create = Scenario::new(
        "test",
        "",
        Call::Create {
            key: KEY,
            content: NEW,
        },
    );
    let objects = there(&[(KEY, NEW)]);
    let done = Outcome::Replied(Reply::Done);
    let lost = put(Some("fail_after (connection closed)"), None);
    let refused = put(None, Some(412));
    let applied = put(None, Some(200));
    assert!(judged(&create, &done, &objects, &[lost.clone(), refused]).is_ok());
    assert!(judged(&create, &done, &objects, &[lost, applied]).is_err());
    let before = put(Some("fail_before (connection closed)"), None);
    assert!(judged(&create, &done, &objects, &[before]).is_err());
}
