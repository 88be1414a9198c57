use std::hash::{DefaultHasher, Hash, Hasher};

use poem::error::NotFoundError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, Request, Response, Route, get, handler};

use super::packed::{Packed, takes_gzip};

/// A piece of the dashboard, which is within the binary.
struct Asset {
    name: &'static str,
    content: &'static str,
    packed: Packed,
}

macro_rules! assets {
    ($(#[$doc:meta])* $list:ident: $($name:literal),* $(,)?) => {
        $(#[$doc])*
        static $list: [Asset; [$($name),*].len()] = [$(Asset {
            name: $name,
            content: include_str!(concat!("../../dashboard/", $name)),
            packed: Packed::new(),
        }),*];
    };
}

/// The page itself.
static PAGE: Asset = Asset {
    name: "index.html",
    content: include_str!("../../dashboard/index.html"),
    packed: Packed::new(),
};

assets! {
    /// What the page loads, under `/dashboard/`.
    FILES:
    "actions.js",
    "api.js",
    "change.js",
    "chart.js",
    "details.js",
    "dom.js",
    "favicon.svg",
    "filter.js",
    "format.js",
    "ids.js",
    "kept.js",
    "keys.js",
    "leaderboard.js",
    "leaders.js",
    "log.js",
    "login.js",
    "main.js",
    "overview.js",
    "parts.js",
    "router.js",
    "storage.js",
    "store.js",
    "stream.js",
    "style.css",
    "submit.js",
    "tasks.js",
    "theme.js",
    "timeline.js",
    "types.js",
    "views.js",
    "worker.js",
    "workers.js",
}

/// Nothing but what the coordinator itself serves: no script or style within the page, and no other
/// host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The paths of the dashboard, which no OpenAPI document describes.
pub(super) const PATHS: [&str; 2] = ["/", "/dashboard/{file}"];

/// Routes with the dashboard before them.
///
/// A nested service takes `/` for itself, so the page cannot stand beside it.
pub(super) struct Dashboard<E> {
    own: Route,
    others: E,
}

impl<E> Dashboard<E> {
    pub(super) fn before(others: E) -> Self {
        let own = Route::new()
            .at("/", get(show_page))
            .at("/dashboard/:file", get(show_file));
        Self { own, others }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Dashboard<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        if path == "/" || path.starts_with("/dashboard/") {
            self.own.call(request).await
        } else {
            self.others.call(request).await
        }
    }
}

#[handler]
fn show_page(request: &Request) -> Response {
    if let Some(folder) = folder_of(request.original_uri().path()) {
        return Response::builder()
            .status(StatusCode::TEMPORARY_REDIRECT)
            .header(header::LOCATION, folder)
            .header(header::CACHE_CONTROL, "no-cache")
            .finish();
    }
    PAGE.answer(request)
}

/// Where the page is to be asked for instead: its links are relative, so its path must end as a folder's
/// does.
fn folder_of(path: &str) -> Option<String> {
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    Some(format!("./{last}/"))
}

#[handler]
fn show_file(request: &Request) -> poem::Result<Response> {
    let name = request.raw_path_param("file").unwrap_or_default();
    let asset = FILES.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or(NotFoundError)?;
    Ok(asset.answer(request))
}

impl Asset {
    fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        }
    }

    /// What names this content, as it is or as gzip.
    fn etag(&self, packed: bool) -> String {
        let mut hasher = DefaultHasher::new();
        self.content.hash(&mut hasher);
        let coding = if packed { "-gzip" } else { "" };
        format!("\"{:016x}{coding}\"", hasher.finish())
    }

    /// The asset, or that the browser has it already.
    fn answer(&'static self, request: &Request) -> Response {
        let packed = if takes_gzip(request) {
            self.packed.of(self.content)
        } else {
            None
        };
        let etag = self.etag(packed.is_some());
        let known = request.headers().get_all(header::IF_NONE_MATCH);
        let known = known.iter().filter_map(|value| value.to_str().ok());
        let fresh = known
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim())
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag);
        let answer = Response::builder()
            .header(header::ETAG, etag)
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::VARY, "accept-encoding")
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .header(header::REFERRER_POLICY, "no-referrer")
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header("cross-origin-opener-policy", "same-origin")
            .header("cross-origin-resource-policy", "same-origin");
        if fresh {
            return answer.status(StatusCode::NOT_MODIFIED).finish();
        }
        let mut answer = match packed {
            Some(packed) => answer
                .header(header::CONTENT_ENCODING, "gzip")
                .body(Body::from(packed)),
            None => answer.body(self.content),
        };
        let content_type = HeaderValue::from_static(self.content_type());
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        answer
    }
}

#[cfg(test)]
mod tests {
    use poem::EndpointExt;
    use poem::http::Method;

    use super::*;

    async fn send(request: poem::RequestBuilder) -> Response {
        let others = || Route::new().map_to_response();
        let nested = Route::new().nest("/market", Dashboard::before(others()));
        let app = Dashboard::before(nested.map_to_response());
        app.get_response(request.finish()).await
    }

    async fn ask(method: Method, path: &str, etag: Option<&str>) -> Response {
        let mut request = Request::builder().method(method).uri_str(path);
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        send(request).await
    }

    fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers()[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn each_file_is_served_with_its_headers() {
        let paths = FILES.iter().map(|file| format!("/dashboard/{}", file.name));
        for path in paths.chain(["/".to_owned(), "/market/".to_owned()]) {
            let answer = ask(Method::GET, &path, None).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header_of(&answer, "content-security-policy"), POLICY);
            assert_eq!(header_of(&answer, "x-content-type-options"), "nosniff");
            assert_eq!(header_of(&answer, "referrer-policy"), "no-referrer");
            assert_eq!(header_of(&answer, "cache-control"), "no-cache");
            let expected = match path.rsplit('.').next() {
                Some("js") => "text/javascript; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("svg") => "image/svg+xml",
                _ => "text/html; charset=utf-8",
            };
            assert_eq!(header_of(&answer, "content-type"), expected, "{path}");
            let etag = header_of(&answer, "etag").to_owned();
            let again = ask(Method::GET, &path, Some(&etag)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(header_of(&again, "etag"), etag);
            assert!(again.into_body().into_vec().await.unwrap().is_empty());
            let other = format!("\"other\", W/{etag}");
            let again = ask(Method::GET, &path, Some(&other)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            let other = ask(Method::GET, &path, Some("\"other\"")).await;
            assert_eq!(other.status(), StatusCode::OK);
            let head = ask(Method::HEAD, &path, None).await;
            assert_eq!(head.status(), StatusCode::OK, "{path}");
        }
        let unknown = ask(Method::GET, "/dashboard/other.js", None).await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn whoever_takes_gzip_gets_less() {
        let get = || Request::builder().uri_str("/dashboard/style.css");
        let plain = send(get()).await;
        assert_eq!(header_of(&plain, "vary"), "accept-encoding");
        assert!(!plain.headers().contains_key("content-encoding"));
        let packed = send(get().header("accept-encoding", "gzip, br")).await;
        assert_eq!(header_of(&packed, "vary"), "accept-encoding");
        assert_eq!(header_of(&packed, "content-encoding"), "gzip");
        assert_eq!(
            header_of(&packed, "content-type"),
            "text/css; charset=utf-8"
        );
        let etag = header_of(&packed, "etag").to_owned();
        assert_ne!(etag, header_of(&plain, "etag"));
        let again = get()
            .header("accept-encoding", "gzip")
            .header("if-none-match", &etag);
        assert_eq!(send(again).await.status(), StatusCode::NOT_MODIFIED);
        let other = get().header("if-none-match", &etag);
        assert_eq!(send(other).await.status(), StatusCode::OK);
        let body = async |answer: Response| answer.into_body().into_vec().await.unwrap();
        assert!(body(packed).await.len() < body(plain).await.len() / 2);
    }

    #[test]
    fn under_a_prefix_the_page_has_the_path_of_a_folder() {
        assert_eq!(folder_of("/market").as_deref(), Some("./market/"));
        assert_eq!(folder_of("/a/b:c").as_deref(), Some("./b:c/"));
        assert_eq!(folder_of("/"), None);
        assert_eq!(folder_of("/market/"), None);
    }

    #[test]
    fn whatever_is_referred_to_is_there() {
        let mut used = 0;
        let mut check = |name: &str, by: &str| {
            let known = FILES.iter().any(|file| file.name == name);
            assert!(known, "{by} refers to {name}");
            used += 1;
        };
        for piece in PAGE.content.split("\"dashboard/").skip(1) {
            check(piece.split('"').next().unwrap(), PAGE.name);
        }
        for file in &FILES {
            for start in ["from \"./", "import(\"./"] {
                for piece in file.content.split(start).skip(1) {
                    check(piece.split('"').next().unwrap(), file.name);
                }
            }
        }
        assert!(used > FILES.len());
    }

    #[test]
    fn nothing_is_run_that_is_not_a_module_and_nothing_is_asked_of_others() {
        for asset in FILES.iter().chain([&PAGE]) {
            let content = asset.content.replace("http://www.w3.org/2000/svg", "");
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                "srcdoc",
                "createContextualFragment",
                "setHTML",
                "DOMParser",
                "javascript:",
                "http://",
                "https://",
                "style=\"",
                "<style",
                "@import",
                "url(",
            ] {
                assert!(!content.contains(word), "{} has {word}", asset.name);
            }
            for piece in content.split(" on").skip(1) {
                let name = piece.trim_start_matches(|c: char| c.is_ascii_lowercase());
                assert!(
                    !name.starts_with("=\""),
                    "{} handles on{piece:.20}",
                    asset.name
                );
            }
        }
        assert!(!PAGE.content.contains("<script>"));
    }

    #[test]
    fn it_is_small() {
        let size = |asset: &Asset| asset.content.len();
        let total = FILES.iter().map(size).sum::<usize>() + size(&PAGE);
        assert!(total < 200_000, "{total} bytes");
        for file in FILES.iter().filter(|file| file.name.ends_with(".js")) {
            let lines = file.content.lines().count();
            assert!(lines <= 300, "{} has {lines} lines", file.name);
        }
    }
}
