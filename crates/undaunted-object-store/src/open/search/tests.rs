//! What is said of each place where credentials are looked for, and which of them can be used.

use object_store::ClientConfigKey;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::azure::{AzureConfigKey, AzureCredential, MicrosoftAzureBuilder};
use object_store::gcp::{
    GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder, GoogleConfigKey,
};

use super::*;

#[test]
fn credentials_that_fit_into_no_header_are_not_usable() {
    let aws = |key: &str, token: Option<&str>| {
        aws::is_usable(&AwsCredential {
            key_id: key.to_owned(),
            secret_key: "any\n".to_owned(),
            token: token.map(str::to_owned),
        })
    };
    assert!(aws("AK", None) && aws("AK", Some("token")));
    assert!(!aws("A\n", None) && !aws("AK", Some("to\nken")));
    let google = |bearer: &str| {
        gcp::is_usable(&GcpCredential {
            bearer: bearer.to_owned(),
        })
    };
    assert!(google("token") && !google("to\nken"));
    let signs = |email: &str| {
        gcp::can_sign(&GcpSigningCredential {
            email: email.to_owned(),
            private_key: None,
        })
    };
    assert!(signs("a@b.example"));
    assert!(!signs("no account") && !signs("a@b\n"));
    let azure = |token: &str| azure::is_usable(&AzureCredential::BearerToken(token.to_owned()));
    assert!(azure("token") && !azure("to\nken"));
    assert!(azure::is_usable(&AzureCredential::SASToken(Vec::new())));
}

/// What is said of the place where S3's credentials are looked for.
fn of_s3(options: &[(AmazonS3ConfigKey, &str)]) -> Search {
    let builder = AmazonS3Builder::new();
    let builder = options.iter().fold(builder, |builder, (key, value)| {
        builder.with_config(*key, *value)
    });
    aws::search(&builder)
}

#[test]
fn the_place_that_s3s_credentials_come_from_is_named() {
    use AmazonS3ConfigKey as Key;
    let key = (Key::AccessKeyId, "AK");
    let role = (Key::RoleArn, "role");
    let file = (Key::WebIdentityTokenFile, "/nonexistent");
    let relative = (Key::ContainerCredentialsRelativeUri, "/v2/c");
    let full = (Key::ContainerCredentialsFullUri, "http://full");
    let token = (Key::ContainerAuthorizationTokenFile, "/token");
    let metadata = (Key::MetadataEndpoint, "http://metadata");
    for (options, asked) in [
        (&[key, file, role][..], "aws_access_key_id"),
        (&[file, role, relative], "/nonexistent for the role role"),
        (&[file, relative, full, token], "169.254.170.2/v2/c"),
        (&[full, token, metadata], "service (http://full)"),
        (&[full, metadata], "service (http://metadata)"),
        (&[], "service (http://169.254.169.254)"),
    ] {
        let search = of_s3(options);
        assert!(search.asked.contains(asked), "{}", search.asked);
        assert_eq!(search.obstacle, None);
    }
}

#[test]
fn a_file_that_is_too_long_for_a_token_is_not_sent() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().to_str().unwrap();
    for (length, is_token) in [(16 * 1024, true), (16 * 1024 + 1, false)] {
        file.as_file().set_len(length).unwrap();
        let search = of_s3(&[
            (AmazonS3ConfigKey::WebIdentityTokenFile, name),
            (AmazonS3ConfigKey::RoleArn, "role"),
        ]);
        assert_eq!(search.obstacle.is_none(), is_token, "{length}");
    }
}

#[test]
fn the_place_that_azures_credentials_come_from_is_named_and_how_long_it_may_take() {
    use AzureConfigKey as Key;
    let fabric = [
        (Key::FabricTokenServiceUrl, "http://fabric"),
        (Key::FabricWorkloadHost, "host"),
    ];
    let token = (Key::Token, "token");
    let key = (Key::AccessKey, "a2V5");
    let sas = (Key::SasKey, "sig=s");
    let client = [(Key::ClientId, "client"), (Key::AuthorityId, "tenant")];
    let managed = (Key::CredentialType, "managed_identity");
    let cli = (Key::UseAzureCli, "true");
    let no_cli = (Key::UseAzureCli, "false");
    let cli_by_kind = (Key::CredentialType, "azure_cli");
    let endpoint = (Key::MsiEndpoint, "http://metadata");
    for (options, asked, seconds) in [
        (&[fabric[0], fabric[1], token][..], "of Fabric", 9),
        (&[fabric[0], token], "token or key that is set", 9),
        (&[key, cli], "token or key that is set", 9),
        (&[sas, cli], "token or key that is set", 9),
        (&[client[0], client[1], cli], "Entra ID", 9),
        (&[client[0], cli], "az account", 30),
        (
            &[client[0], client[1], managed, endpoint],
            "(http://metadata)",
            9,
        ),
        (&[cli_by_kind, endpoint], "az account", 30),
        (&[no_cli, endpoint], "(http://metadata)", 9),
        (&[], "(http://169.254.169.254)", 9),
    ] {
        let builder = MicrosoftAzureBuilder::new();
        let builder = options.iter().fold(builder, |builder, (key, value)| {
            builder.with_config(*key, *value)
        });
        let search = azure::search(&builder);
        assert!(search.asked.contains(asked), "{asked}: {}", search.asked);
        assert_eq!(search.limit, Duration::from_secs(seconds), "{asked}");
    }
}

#[test]
fn the_place_that_googles_credentials_come_from_is_named() {
    use GoogleConfigKey as Key;
    let bearer = (Key::BearerToken, "token");
    let account = (Key::ServiceAccount, "account.json");
    let key = (Key::ServiceAccountKey, "{}");
    let application = (Key::ApplicationCredentials, "application.json");
    for (options, asked) in [
        (&[bearer, account][..], "google_bearer_token"),
        (&[account, key], "account of account.json"),
        (&[key, application], "google_service_account_key"),
        (&[application], "credentials of application.json"),
        (&[], "no service account is set"),
    ] {
        let builder = GoogleCloudStorageBuilder::new();
        let builder = options.iter().fold(builder, |builder, (key, value)| {
            builder.with_config(*key, *value)
        });
        let asked_of = gcp::search(&builder).asked;
        assert!(asked_of.contains(asked), "{asked_of}");
    }
}

/// A provider keeps object_store's own client, which knows the options of the store's.
#[test]
fn what_looks_for_credentials_keeps_the_settings_of_the_store() {
    let timeout = ClientConfigKey::Timeout;
    let google =
        GoogleCloudStorageBuilder::new().with_config(GoogleConfigKey::Client(timeout), "7s");
    let google = gcp::source(google, None);
    let timeout = google.get_config_value(&GoogleConfigKey::Client(timeout));
    assert_eq!(timeout.as_deref(), Some("7s"));
}

#[test]
fn a_search_is_over_after_its_limit() {
    assert_eq!(retries().max_retries, 5);
    assert_eq!(retries().retry_timeout, LIMIT);
}

#[test]
fn a_login_of_gcloud_is_found_where_there_is_one() {
    let home = tempfile::tempdir().unwrap();
    let found = || gcp::has_login(Some(home.path().into()));
    assert!(!found() && !gcp::has_login(None));
    let login = home.path().join(gcp::LOGIN);
    std::fs::create_dir_all(login.parent().unwrap()).unwrap();
    std::fs::write(login, "{}").unwrap();
    assert!(found());
}
