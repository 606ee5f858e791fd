//! The HTTP client that fetches S3's credentials: it mends what object_store would panic at.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Uri};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};
use object_store::{ClientOptions, Result};
use tokio::task::spawn_blocking;

/// Makes clients that fetch credentials.
#[derive(Debug, Default)]
pub(crate) struct SourceConnector {
    container: Option<Arc<Container>>,
}

impl SourceConnector {
    /// Asks this service wherever object_store asks that of a container without a token.
    pub(crate) fn of_container(container: Container) -> Self {
        Self {
            container: Some(Arc::new(container)),
        }
    }
}

impl HttpConnector for SourceConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(SourceClient {
            inner: ReqwestConnector::default().connect(options)?,
            container: self.container.clone(),
        }))
    }
}

/// A container's credential service that wants a token.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) uri: String,
    /// It is read for each request, since it is replaced now and then.
    pub(crate) token_file: String,
}

impl Container {
    async fn address(self: Arc<Self>, request: &mut HttpRequest) -> Result<(), HttpError> {
        let file = Arc::clone(&self);
        let token = spawn_blocking(move || std::fs::read_to_string(&file.token_file)).await;
        let token = token
            .map_err(failed)?
            .map_err(|error| failed(format!("the token file {}: {error}", self.token_file)))?;
        let Ok(mut token) = HeaderValue::from_str(token.trim()) else {
            let text = format!("the token file {} holds no token", self.token_file);
            return Err(failed(text));
        };
        token.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, token);
        *request.uri_mut() = self.uri.parse::<Uri>().map_err(failed)?;
        Ok(())
    }
}

struct SourceClient {
    inner: HttpClient,
    container: Option<Arc<Container>>,
}

#[async_trait]
impl HttpService for SourceClient {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_container = request.uri().host() == Some(CONTAINER_HOST);
        if let Some(container) = self.container.clone().filter(|_| is_container) {
            container.address(&mut request).await?;
        }
        let is_one_word = is_one_word(request.uri().path());
        let response = self.inner.execute(request).await?;
        if is_one_word && response.status().is_success() {
            return one_word(response).await;
        }
        Ok(response)
    }
}

impl fmt::Debug for SourceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceClient").finish_non_exhaustive()
    }
}

/// Whether the metadata service responds with a text that object_store puts into the next
/// request: a token for a header, or the name of a role for a path.
fn is_one_word(path: &str) -> bool {
    path.ends_with("/latest/api/token") || path.ends_with("/iam/security-credentials/")
}

/// The response without white space around its text, which must be one word.
async fn one_word(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (head, body) = response.into_parts();
    let bytes = body.bytes().await?;
    let text = String::from_utf8_lossy(&bytes);
    let word = text.trim();
    if word.is_empty()
        || !word
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'<')
    {
        return Err(failed("the response is not that of a metadata service"));
    }
    let body = HttpResponseBody::from(word.to_owned());
    Ok(HttpResponse::from_parts(head, body))
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, std::io::Error::other(error))
}

/// Where object_store asks for a container's credentials.
const CONTAINER_HOST: &str = "169.254.170.2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_the_next_request_is_one_word() {
        for (path, is_word) in [
            ("/latest/api/token", true),
            ("/latest/meta-data/iam/security-credentials/", true),
            // The credentials themselves are a document.
            ("/latest/meta-data/iam/security-credentials/role", false),
            ("/v2/credentials", false),
        ] {
            assert_eq!(is_one_word(path), is_word, "{path}");
        }
    }

    #[tokio::test]
    async fn a_text_that_is_no_word_is_not_the_metadata_services() {
        let word = async |text: &'static str| {
            let body = HttpResponseBody::from(text.to_owned());
            let response = one_word(HttpResponse::new(body)).await.ok()?;
            response.into_body().bytes().await.ok()
        };
        assert_eq!(word(" role\n").await.unwrap(), "role");
        for other in ["", " ", "two words", "<html>", "r\u{f6}le"] {
            assert_eq!(word(other).await, None, "{other}");
        }
    }
}
