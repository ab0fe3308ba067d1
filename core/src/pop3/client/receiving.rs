//! Octets into lines, listings and contents, each within its bounds.

use super::*;

impl ClientConnection {
    pub(super) fn receive_content(&mut self, input: &mut &[u8]) {
        let (
            Some(exchange),
            Reading::Content {
                unstuffer,
                octets,
                announced,
                buffer,
            },
        ) = (self.sent.front(), &mut self.reading)
        else {
            return self.fail(internal("content without a command"));
        };
        let (handle, mode) = (exchange.handle, exchange.mode);
        let before = buffer.len();
        let fed = unstuffer.feed(input, buffer);
        *input = input.get(fed.consumed..).unwrap_or_default();
        *octets += (buffer.len() - before) as u64;
        let odd_size = announced.filter(|announced| *announced != *octets);
        let deviations = [
            (unstuffer.lines_end_with_lf(), Deviation::BareLf),
            (
                unstuffer.began_with_unstuffed_dot(),
                Deviation::UnstuffedDot,
            ),
            (fed.finished && odd_size.is_some(), Deviation::OddSize),
        ];
        let octets = *octets;
        let content = match mode {
            ContentMode::Chunks => {
                let chunk = std::mem::take(buffer);
                if !chunk.is_empty() {
                    self.events
                        .push_back(ClientEvent::ContentReceived { handle, chunk });
                }
                Vec::new()
            }
            ContentMode::Buffer if octets > self.config.limits.buffered_content => {
                let limit = self.config.limits.buffered_content;
                return self.fail(Error::new(
                    ErrorCode::LimitContent,
                    format!(
                        "a message has more than {limit} octets, the limit for one that is \
                         taken as a buffer: take it in chunks or raise buffered_content"
                    ),
                ));
            }
            ContentMode::Buffer if fed.finished => std::mem::take(buffer),
            ContentMode::Buffer => Vec::new(),
        };
        for (_, deviation) in deviations.into_iter().filter(|(seen, _)| *seen) {
            let octets = format!("a message of {octets} octets").into_bytes();
            if !self.deviates(deviation, &octets) {
                return;
            }
        }
        if fed.finished {
            if self.config.trace {
                self.trace(Direction::Received, format!("[{octets} octets]"));
            }
            self.finish_exchange();
            self.events.push_back(ClientEvent::ContentFinished {
                handle,
                octets,
                content,
            });
        }
    }

    pub(super) fn receive_line(&mut self, input: &mut &[u8]) {
        let limits = &self.config.limits;
        let (limit, code, what) = match (&self.reading, self.sent.front()) {
            (
                Reading::Listing {
                    listing: Listing::Capabilities(_),
                    ..
                },
                _,
            ) => (
                limits.capability_line,
                ErrorCode::LimitCapabilities,
                "a line of CAPA",
            ),
            (Reading::Listing { .. }, _) => (
                limits.listing_line,
                ErrorCode::LimitListingLine,
                "a line of a listing",
            ),
            (_, Some(exchange)) if exchange.verb == Verb::Auth => (
                limits.challenge,
                ErrorCode::LimitChallenge,
                "a SASL challenge",
            ),
            _ => (
                limits.status_line,
                ErrorCode::LimitStatusLine,
                "a status line",
            ),
        };
        match self.lines.read(input, limit) {
            Line::Incomplete => {}
            Line::TooLong => self.fail(Error::new(
                code,
                format!("{what} from the server has more than {limit} octets"),
            )),
            Line::Complete { line, bare_lf } => {
                if bare_lf && !self.deviates(Deviation::BareLf, &line) {
                    return;
                }
                if self.config.trace {
                    self.trace_received(&line);
                }
                if let Reading::Listing { .. } = self.reading {
                    self.receive_listing_line(&line);
                } else {
                    self.receive_status(&line, bare_lf);
                }
            }
        }
    }

    pub(super) fn receive_listing_line(&mut self, line: &[u8]) {
        let Reading::Listing { listing, .. } = &mut self.reading else {
            return self.fail(internal("a listing line outside a listing"));
        };
        if line != b"." {
            let line = line.strip_prefix(b".").unwrap_or(line);
            match listing.push(line, &self.config.limits) {
                Ok(Some(deviation)) => {
                    self.deviates(deviation, line);
                }
                Ok(None) => {}
                Err(error) => self.fail(error),
            }
            return;
        }
        let Reading::Listing { reply, listing } =
            std::mem::replace(&mut self.reading, Reading::Status)
        else {
            return;
        };
        let Some(exchange) = self.finish_exchange() else {
            return self.fail(internal("a listing without a command"));
        };
        let handle = exchange.handle;
        self.events.push_back(match listing {
            Listing::Capabilities(capabilities) => {
                self.capabilities = Some(capabilities.clone());
                if exchange.by_login {
                    return self.login_answered(&exchange, &reply);
                }
                ClientEvent::CapabilitiesReceived {
                    handle,
                    capabilities,
                }
            }
            Listing::Languages(languages) => ClientEvent::LanguagesReceived { handle, languages },
            Listing::Sizes(entries) => ClientEvent::ListReceived { handle, entries },
            Listing::Uids { entries, .. } => ClientEvent::UidlReceived { handle, entries },
        });
    }
}
