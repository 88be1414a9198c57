use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::common::{Market, reqwest_client, soon};

/// A stream as a browser reads it.
pub(crate) struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    pub(crate) async fn open(market: &Market, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = reqwest_client().get(format!("{}/events{query}", market.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = soon(request.send()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event: its name, its id and its data. That it has caught up is passed over.
    pub(crate) async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            let event = self.event().await?;
            if event.0 != "caught_up" {
                return Some(event);
            }
        }
    }

    /// The next event of any name.
    pub(crate) async fn event(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = frame.lines();
                    let found = lines.find_map(|line| line.strip_prefix(name));
                    found.unwrap_or_default().trim().to_owned()
                };
                let data = serde_json::from_str(&field("data:")).unwrap();
                let event = (field("event:"), field("id:"), data);
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = soon(self.response.chunk()).await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub(crate) async fn expect(&mut self, name: &str) -> (String, Value) {
        let (event, id, data) = self.next().await.expect("the stream goes on");
        assert_eq!(event, name, "{data}");
        (id, data)
    }
}
