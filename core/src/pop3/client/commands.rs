//! The commands of a caller: each is checked, queued and given its handle.

use super::*;

impl ClientConnection {
    /// Logs in: the whole plan from the greeting to the transaction state.
    ///
    /// Ends with [`ClientEvent::LoginFinished`] or `CommandFailed`. On the way
    /// comes [`ClientEvent::TlsReady`] where TLS begins with STLS.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if the connection is not before its login, if an
    /// argument cannot be sent, or, with the code `InsecureCleartext`, if the
    /// password would cross a channel without TLS.
    pub fn login(
        &mut self,
        user: &str,
        password: impl AsRef<[u8]>,
        choice: AuthChoice,
    ) -> Result<Handle, UsageError> {
        self.login_with(LoginRequest {
            user: user.to_owned(),
            password: Some(Secret::new(password.as_ref().to_vec())),
            auth: choice,
            ..LoginRequest::default()
        })
    }

    /// Logs in, with everything that a login can have.
    ///
    /// # Errors
    ///
    /// As for [`login`](Self::login).
    pub fn login_with(&mut self, request: LoginRequest) -> Result<Handle, UsageError> {
        if self.state != State::Greeting {
            self.check_allowed(Verb::User)?;
        }
        if self.login.is_some() {
            return Err(UsageError::new(
                ErrorCode::UsageState,
                "a login is under way already",
            ));
        }
        let handle = self.new_handle();
        let plan = LoginPlan::new(handle, request)?;
        if self.config.security == Security::None && plan.shows_the_secret() {
            self.check_cleartext()?;
        }
        self.login = Some(plan);
        if self.state != State::Greeting {
            self.begin_login();
            self.pump();
        }
        Ok(handle)
    }

    /// CAPA: asks for the capabilities (RFC 2449 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization and transaction states.
    pub fn capa(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Capa)
    }

    /// STLS: begins TLS (RFC 2595 section 4). [`ClientEvent::TlsReady`] follows.
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state or with TLS in force.
    pub fn stls(&mut self) -> Result<Handle, UsageError> {
        if self.channel != Channel::Clear {
            return Err(UsageError::new(
                ErrorCode::UsageState,
                "TLS is in force already",
            ));
        }
        self.command(Command::Stls)
    }

    /// UTF8: asks for texts and header fields in UTF-8 (RFC 6856 section 2). A
    /// login sends it by itself where a name or a password needs it.
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state.
    pub fn utf8(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Utf8)
    }

    /// LANG: chooses the language of the server's texts, `*` for its own
    /// choice, or asks for the list of them (RFC 6856 section 3).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization and transaction states or for
    /// a language that cannot be sent.
    pub fn lang(&mut self, language: Option<&str>) -> Result<Handle, UsageError> {
        self.command(Command::Lang(language.map(str::to_owned)))
    }

    /// USER: names the mailbox (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state or for a name that
    /// cannot be sent.
    pub fn user(&mut self, user: &str) -> Result<Handle, UsageError> {
        self.command(Command::User(user.to_owned()))
    }

    /// PASS: gives the password for USER (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state, for a password that
    /// cannot be sent, or for a channel without TLS.
    pub fn pass(&mut self, password: impl AsRef<[u8]>) -> Result<Handle, UsageError> {
        self.check_allowed(Verb::Pass)?;
        self.check_cleartext()?;
        self.command(Command::Pass(Secret::new(password.as_ref().to_vec())))
    }

    /// APOP: logs in with a digest (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state, for a name that cannot
    /// be sent, or without a stamp in the greeting.
    pub fn apop(&mut self, user: &str, secret: impl AsRef<[u8]>) -> Result<Handle, UsageError> {
        self.check_allowed(Verb::Apop)?;
        let Some(stamp) = &self.stamp else {
            return Err(UsageError::new(
                ErrorCode::MechanismUnavailable,
                "APOP needs a stamp <…@…> in the server's greeting, found none",
            ));
        };
        self.command(Command::Apop {
            user: prepare::name(user).into_owned(),
            digest: stamp.digest(prepare::password(Secret::new(secret.as_ref().to_vec())).expose()),
        })
    }

    /// AUTH PLAIN in two steps (RFC 4616, 5034).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state, for a NUL in an
    /// argument, or for a channel without TLS.
    pub fn auth_plain(
        &mut self,
        user: &str,
        password: impl AsRef<[u8]>,
    ) -> Result<Handle, UsageError> {
        self.check_allowed(Verb::Auth)?;
        self.check_cleartext()?;
        let mechanism = Plain::new("", user, password.as_ref())?;
        let handle = self.new_handle();
        self.enqueue_exchange(Box::new(mechanism), handle, false, false)?;
        self.pump();
        Ok(handle)
    }

    /// STAT: count and size of the maildrop (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state.
    pub fn stat(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Stat)
    }

    /// LIST: sizes of all messages or of one (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn list(&mut self, number: Option<u32>) -> Result<Handle, UsageError> {
        self.command(Command::List(number))
    }

    /// UIDL: unique ids of all messages or of one (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn uidl(&mut self, number: Option<u32>) -> Result<Handle, UsageError> {
        self.command(Command::Uidl(number))
    }

    /// RETR: fetches a message (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn retr(&mut self, number: u32, mode: ContentMode) -> Result<Handle, UsageError> {
        self.command_with_mode(Command::Retr(number), mode)
    }

    /// TOP: fetches the header and some lines of the body (RFC 1939 section
    /// 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn top(
        &mut self,
        number: u32,
        lines: u64,
        mode: ContentMode,
    ) -> Result<Handle, UsageError> {
        self.command_with_mode(Command::Top { number, lines }, mode)
    }

    /// DELE: marks a message; it goes at QUIT (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn dele(&mut self, number: u32) -> Result<Handle, UsageError> {
        self.command(Command::Dele(number))
    }

    /// RSET: takes all marks back (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state.
    pub fn rset(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Rset)
    }

    /// NOOP: asks for an answer (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state.
    pub fn noop(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Noop)
    }

    /// QUIT: has the marked messages deleted and ends the connection (RFC
    /// 1939 sections 4 and 6). No command can follow it.
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization and transaction states.
    pub fn quit(&mut self) -> Result<Handle, UsageError> {
        let handle = self.command(Command::Quit)?;
        self.quitting = true;
        if self.state == State::Transaction {
            self.state = state::after(self.state, Trigger::Quit);
        }
        Ok(handle)
    }
}
