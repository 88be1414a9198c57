//! What a browser reports beside what it shows: messages, requests and dialogs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Everything that was reported since the browser was started.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Warnings and errors: of the page, of the browser about it, and of its content policy.
    pub(crate) complaints: Vec<String>,
    /// The addresses that were requested.
    pub(crate) requests: Vec<String>,
    /// What dialogs of the browser said.
    pub(crate) dialogs: Vec<String>,
    /// Bytes as they were transferred, head and body, by request.
    transferred: BTreeMap<String, u64>,
    finished: BTreeSet<String>,
}

impl Journal {
    /// Adds an entry of the browser's log.
    pub(crate) fn message(&mut self, level: &str, message: &str) {
        if matches!(level, "WARNING" | "SEVERE") {
            self.complaints.push(format!("{level}: {message}"));
        }
    }

    /// Adds an entry of the performance log: an event of the DevTools protocol.
    pub(crate) fn event(&mut self, entry: &str) {
        let entry: Value = serde_json::from_str(entry).expect("the log is JSON");
        let (method, params) = (&entry["message"]["method"], &entry["message"]["params"]);
        let id = || params["requestId"].as_str().unwrap_or_default().to_owned();
        let length = || params["encodedDataLength"].as_f64().unwrap_or_default() as u64;
        match method.as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => self.request(&params["request"]["url"]),
            "Network.webSocketCreated" | "Network.webTransportCreated" => {
                self.request(&params["url"]);
            }
            "Network.responseReceived" => {
                let head = params["response"]["encodedDataLength"].as_f64();
                *self.transferred.entry(id()).or_default() += head.unwrap_or_default() as u64;
            }
            // Of a response that never ends this is all there is.
            "Network.dataReceived" if !self.finished.contains(&id()) => {
                *self.transferred.entry(id()).or_default() += length();
            }
            "Network.loadingFinished" => {
                self.transferred.insert(id(), length());
                self.finished.insert(id());
            }
            "Page.javascriptDialogOpening" => self.dialogs.push(params["message"].to_string()),
            _ => {}
        }
    }

    fn request(&mut self, url: &Value) {
        let url = url.as_str().expect("a request has an address");
        // These ask nobody.
        if !["about:", "blob:", "data:"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            self.requests.push(url.to_owned());
        }
    }

    /// How many bytes were transferred to the browser.
    pub(crate) fn bytes(&self) -> u64 {
        self.transferred.values().sum()
    }
}
