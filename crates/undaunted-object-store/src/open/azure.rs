//! Azure.

use object_store::azure::MicrosoftAzureBuilder;

super::cloud::backend! {
    MicrosoftAzureBuilder,
    "Azure",
    with_credentials(credentials)
}
