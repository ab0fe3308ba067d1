//! Octets into lines, listings and contents, each within its bounds.

use super::*;

impl ClientConnection {
    pub(super) fn receive_content(&mut self, input: &mut &[u8]) {
        let (Some(exchange), Reading::Content(content)) = (self.sent.front(), &mut self.reading)
        else {
            return self.fail(internal("content without a command"));
        };
        let (handle, mode) = (exchange.handle, exchange.mode);
        let before = content.buffer.len();
        let fed = content.unstuffer.feed(input, &mut content.buffer);
        *input = input.get(fed.consumed..).unwrap_or_default();
        let fresh = content.buffer.get(before..).unwrap_or_default();
        content.octets += fresh.len() as u64;
        let wanted = DEVIATION_OCTETS.saturating_sub(content.head.len());
        content.head.extend(fresh.iter().take(wanted));
        let octets = content.octets;
        match mode {
            ContentMode::Chunks => {
                let chunk = std::mem::take(&mut content.buffer);
                if !chunk.is_empty() {
                    self.events
                        .push_back(ClientEvent::ContentReceived { handle, chunk });
                }
            }
            ContentMode::Buffer => {
                let limit = self.config.limits.buffered_content;
                if octets > limit {
                    return self.fail(Error::new(
                        ErrorCode::LimitContent,
                        format!(
                            "a message has more than {limit} octets, the limit for one that is \
                             taken as a buffer: take it in chunks or raise buffered_content"
                        ),
                    ));
                }
            }
        }
        if fed.finished {
            self.finish_content();
        }
    }

    /// The message is there: what was odd about it, then the message.
    fn finish_content(&mut self) {
        let Reading::Content(content) = std::mem::replace(&mut self.reading, Reading::Status)
        else {
            return self.fail(internal("the end of no content"));
        };
        let Some(exchange) = self.sent.front() else {
            return self.fail(internal("content without a command"));
        };
        let (handle, verb, number) = (exchange.handle, exchange.verb, exchange.number);
        let octets = content.octets;
        // TOP is a part of the message.
        let whole = verb == Verb::Retr;
        let listed = number.filter(|_| whole).and_then(|n| self.sizes.size_of(n));
        let announced = listing::announced_octets(content.reply.text()).filter(|_| whole);
        let short = listed.is_some_and(|listed| octets < listed);
        let differs = |size: Option<u64>| size.is_some_and(|size| octets != size);
        let head = content.head.as_slice();
        let line = content.reply.line();
        for (seen, deviation, shown) in [
            (self.is_unnamed(), Deviation::UnnamedCapability, line),
            (
                content.unstuffer.lines_end_with_lf(),
                Deviation::BareLf,
                head,
            ),
            (
                content.unstuffer.began_with_unstuffed_dot(),
                Deviation::UnstuffedDot,
                head,
            ),
            (
                differs(announced) || !short && differs(listed),
                Deviation::OddSize,
                line,
            ),
            (short, Deviation::ShortMessage, head),
        ] {
            if seen && !self.deviates(deviation, shown) {
                return;
            }
        }
        if self.config.trace {
            self.trace(Direction::Received, format!("[{octets} octets]"));
        }
        self.finish_exchange();
        self.events.push_back(ClientEvent::ContentFinished {
            handle,
            octets,
            content: content.buffer,
        });
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
            let whole = line;
            let line = line.strip_prefix(b".").unwrap_or(line);
            match listing.push(line, &self.config.limits) {
                Ok(Some(deviation)) => {
                    self.deviates(deviation, whole);
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
            Listing::Sizes(entries) => {
                let entries = ListEntries::from(entries);
                self.sizes = entries.clone();
                ClientEvent::ListReceived { handle, entries }
            }
            Listing::Uids(entries) => ClientEvent::UidlReceived { handle, entries },
        });
    }
}
