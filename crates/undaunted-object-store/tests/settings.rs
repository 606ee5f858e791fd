//! Whatever an option or an environment variable is set to: it works, or it is an error that
//! names it. Nothing panics.
#![cfg(all(feature = "aws", feature = "azure", feature = "gcp", feature = "http"))]
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};
use undaunted::RetryConfig;
use undaunted_object_store::{full_text, open_with};

/// A kind of store: its URL, and two ways to set it up. The second has to look for credentials.
struct Kind {
    url: &'static str,
    prefix: &'static str,
    options: Vec<String>,
    set_ups: [Vec<(&'static str, &'static str)>; 2],
}

fn kinds() -> Vec<Kind> {
    let proxy = ("proxy_url", "http://127.0.0.1:1");
    // Loading them takes most of the time.
    let bare = ("disable_system_certificates", "true");
    let closed = "http://127.0.0.1:1";
    let mut s3 = names::<object_store::aws::AmazonS3ConfigKey>();
    s3.extend(
        [
            "aws_server_side_encryption",
            "aws_sse_kms_key_id",
            "aws_sse_bucket_key_enabled",
            "aws_sse_customer_key_base64",
        ]
        .map(str::to_owned),
    );
    let kinds = vec![
        Kind {
            url: "s3://bucket/key",
            prefix: "AWS_",
            options: s3,
            set_ups: [
                vec![
                    ("aws_access_key_id", "AK"),
                    ("aws_secret_access_key", "SK"),
                    ("aws_endpoint", closed),
                    ("aws_allow_http", "true"),
                    proxy,
                    bare,
                ],
                vec![
                    ("aws_metadata_endpoint", "http://127.0.0.1:2"),
                    ("aws_container_authorization_token_file", "/dev/null"),
                    ("aws_role_arn", "arn:aws:iam::1:role/r"),
                    ("aws_endpoint", closed),
                    ("aws_allow_http", "true"),
                    proxy,
                    bare,
                ],
            ],
        },
        Kind {
            url: "gs://bucket/key",
            prefix: "GOOGLE_",
            options: names::<object_store::gcp::GoogleConfigKey>(),
            set_ups: [
                vec![
                    ("google_bearer_token", "token"),
                    ("google_base_url", closed),
                    ("google_allow_http", "true"),
                    proxy,
                    bare,
                ],
                vec![("google_skip_signature", "true"), proxy, bare],
            ],
        },
        Kind {
            url: "az://container/key",
            prefix: "AZURE_",
            options: names::<object_store::azure::AzureConfigKey>(),
            set_ups: [
                vec![
                    ("azure_storage_account_name", "account"),
                    ("azure_storage_account_key", "a2V5"),
                    ("azure_storage_endpoint", closed),
                    ("azure_allow_http", "true"),
                    proxy,
                    bare,
                ],
                vec![
                    ("azure_storage_account_name", "account"),
                    ("azure_msi_endpoint", "http://127.0.0.1:2"),
                    ("azure_fabric_token_service_url", "http://127.0.0.1:2"),
                    ("azure_fabric_workload_host", "host"),
                    ("azure_fabric_session_token", "token"),
                    ("azure_fabric_cluster_identifier", "id"),
                    proxy,
                    bare,
                ],
            ],
        },
        Kind {
            url: "http://127.0.0.1:1/key",
            prefix: "",
            options: Vec::new(),
            set_ups: [
                vec![("allow_http", "true"), bare],
                vec![("allow_http", "true"), proxy, bare],
            ],
        },
    ];
    let client = names::<object_store::ClientConfigKey>();
    let with_client = |mut kind: Kind| {
        kind.options.extend(client.iter().cloned());
        kind
    };
    kinds.into_iter().map(with_client).collect()
}

/// What object_store calls the options of this type.
fn names<K: DeserializeOwned + AsRef<str>>() -> Vec<String> {
    let named = |name| K::deserialize(StrDeserializer::<Error>::new(name));
    let error = named("none").err().unwrap().to_string();
    let names = error.split('`').skip(3).step_by(2);
    names
        .filter_map(|name| Some(named(name).ok()?.as_ref().to_owned()))
        .collect()
}

fn values() -> Vec<String> {
    let short = [
        "",
        " ",
        "\n",
        "a\nb",
        "AK\n",
        "\u{f6}\u{4e16}",
        "\u{0}",
        "a b",
        "<>\"{}",
        "-1",
        "?#%",
        "1",
        "true",
        "http://",
        "http://h:p",
        "//",
    ];
    let mut values: Vec<String> = short.iter().map(ToString::to_string).collect();
    values.push("x".repeat(100 * 1024));
    values.push(format!("http://{}", "x".repeat(100 * 1024)));
    values
}

/// Opens a store and gets an object. What open says, if it fails.
async fn open_and_get(url: String, options: Vec<(String, String)>) -> Result<(), String> {
    let config = RetryConfig::builder().max_retries(0).build().unwrap();
    let (store, path) = open_with(&url, options, config).map_err(|error| full_text(&error))?;
    for path in [path, Path::from("\u{f6} ?#%")] {
        let got = tokio::time::timeout(Duration::from_secs(20), store.get(&path)).await;
        assert!(got.unwrap().is_err(), "there is nobody to respond");
        let _ = tokio::time::timeout(Duration::from_secs(20), store.put(&path, "a".into())).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_option_panics_and_every_refusal_names_it() {
    let mut cases = Vec::new();
    for kind in kinds() {
        for set_up in &kind.set_ups {
            for option in &kind.options {
                for value in values() {
                    let others = set_up.iter().filter(|(name, _)| name != option);
                    let mut options: Vec<(String, String)> = others
                        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                        .collect();
                    options.push((option.clone(), value.clone()));
                    cases.push((kind.url.to_owned(), option.clone(), value, options));
                }
            }
        }
    }
    assert!(cases.len() > 2000, "{}", cases.len());
    let runs = cases
        .into_iter()
        .map(|(url, option, value, options)| async move {
            let run = tokio::spawn(open_and_get(url.clone(), options)).await;
            let shown: String = value.chars().take(20).collect();
            match run {
                Err(panic) => Some(format!("{url} {option}={shown:?}: {panic}")),
                Ok(Err(text)) if !text.contains(&option) && !is_of_set_up(&text, &value) => {
                    Some(format!("{url} {option}={shown:?} is not named: {text}"))
                }
                Ok(Err(text)) if value.len() > 100 && text.contains(&value) => {
                    Some(format!("{url} {option} is repeated"))
                }
                Ok(_) => None,
            }
        });
    let wrong: Vec<String> = futures::stream::iter(runs)
        .buffer_unordered(64)
        .filter_map(|wrong| async move { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where an option is unset, the set-up may lack what it must have.
fn is_of_set_up(text: &str, value: &str) -> bool {
    value.is_empty()
        && ["_allow_http", "allow_http", "ccount", "aws_"]
            .iter()
            .any(|part| text.contains(part))
}

#[test]
fn no_environment_variable_panics_and_every_refusal_names_it() {
    let values = ["", " ", "\n", "a\nb", "\u{f6}\u{4e16}", "a b"].map(str::to_owned);
    let values = values.into_iter().chain(["x".repeat(100 * 1024)]);
    let values: Vec<String> = values.collect();
    let mut cases = Vec::new();
    for kind in kinds().iter().filter(|kind| !kind.prefix.is_empty()) {
        let own: Vec<_> = kind
            .options
            .iter()
            .filter(|option| option.starts_with(&kind.prefix.to_ascii_lowercase()))
            .collect();
        let further: &[&str] = match kind.prefix {
            "AWS_" => &["AWS_ALLOW_HTTP", "AWS_ENDPOINT_URL", "AWS_PROXY_URL"],
            "GOOGLE_" => &[
                "SERVICE_ACCOUNT",
                "GCE_METADATA_HOST",
                "GCE_METADATA_ROOT",
                "GCE_METADATA_IP",
            ],
            _ => &["IDENTITY_ENDPOINT", "IDENTITY_HEADER"],
        };
        let own = own.iter().map(|option| option.to_ascii_uppercase());
        for variable in own.chain(further.iter().map(ToString::to_string)) {
            for value in &values {
                cases.push((kind.url, variable.clone(), value.clone()));
            }
        }
    }
    let halves = cases.split_at(cases.len() / 2);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let run = |cases: &[(&str, String, String)]| -> Vec<String> {
            cases
                .iter()
                .filter_map(|(url, variable, value)| in_child(url, variable, value))
                .collect()
        };
        let other = scope.spawn(move || run(halves.1));
        let mut wrong = run(halves.0);
        wrong.extend(other.join().unwrap());
        wrong
    });
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with how another process takes this variable.
fn in_child(url: &str, variable: &str, value: &str) -> Option<String> {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("TEST_URL", url)
        .env(variable, value)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout).into_owned()
        + &String::from_utf8_lossy(&child.stderr);
    let shown: String = value.chars().take(20).collect();
    if !child.status.success() {
        return Some(format!("{variable}={shown:?}: {text}"));
    }
    let refused = text.lines().find(|line| line.contains("refused:"))?;
    let is_named = refused.contains(variable);
    (!is_named && !value.is_empty()).then(|| format!("{variable}={shown:?}: {refused}"))
}

#[test]
#[ignore = "it runs in a process of its own, whose environment is the test"]
fn child() {
    let url = std::env::var("TEST_URL").unwrap();
    // Enough for the store to be built, and nowhere to go: what is not a variable here wins over
    // none that is.
    let mut options = vec![("proxy_url".to_owned(), "http://127.0.0.1:1".to_owned())];
    let is_set = |name: &str| std::env::vars().any(|(set, _)| set == name);
    if url.starts_with("az") && !is_set("AZURE_STORAGE_ACCOUNT_NAME") {
        options.push(("account_name".to_owned(), "account".to_owned()));
    }
    if url.starts_with("s3") && !is_set("AWS_METADATA_ENDPOINT") {
        options.push((
            "metadata_endpoint".to_owned(),
            "http://127.0.0.1:2".to_owned(),
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let config = RetryConfig::builder().max_retries(0).build().unwrap();
        match open_with(&url, options, config) {
            Err(error) => println!("refused: {}", full_text(&error)),
            Ok((store, path)) => {
                let limit = Duration::from_millis(100);
                let _ = tokio::time::timeout(limit, store.get(&path)).await;
            }
        }
    });
}
