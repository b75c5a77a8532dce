"""The login page as a person meets it: typed token or password, the way back in, the way out."""

import re

import pytest
from playwright.sync_api import expect

import servers

PASSWORD = "correct horse battery staple"
# argon2 of PASSWORD, made by `jupyter server password`.
PASSWORD_HASH = "argon2:$argon2id$v=19$m=10240,t=10,p=8$/zKF2qCKpLws4ZzrzEdLww$KnsG6yaGKg8+UR3ycVqavqewJwID8w5zv7ramJ/d7cA"
REFUSED = r"^401 POST /login"


def log_in(page, secret):
    page.locator("input[type=password]").first.fill(secret)
    page.locator("button[type=submit]").first.click()


def test_the_printed_url_opens_the_front_end(front_end, start_server, open_context):
    server = start_server(word=front_end.word, token=None)
    context, _ = open_context(server)
    page = context.new_page()
    page.goto(server.printed_url())
    front_end.expect_start_page(page)
    expect(page).to_have_url(re.compile(re.escape(front_end.start)))


def test_a_typed_token_leads_to_the_page_that_was_asked_for(front_end, start_server, open_context):
    server = start_server()
    context, _ = open_context(server)
    page = context.new_page()
    page.goto(server.url + front_end.start)
    expect(page).to_have_url(re.compile(r"/login\?next="))
    log_in(page, servers.TOKEN)
    expect(page).to_have_url(re.compile(re.escape(front_end.start)))
    front_end.expect_start_page(page)


def test_a_wrong_token_is_refused_with_a_message(start_server, open_context):
    server = start_server()
    context, watch = open_context(server)
    watch.tolerate(REFUSED)
    page = context.new_page()
    page.goto(server.url + "login?next=%2Flab")
    log_in(page, "wrong")
    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    assert page.request.get(server.url + "api/contents").status == 403


def test_a_typed_password_is_a_login(start_server, open_context):
    server = start_server(arguments=[f"--PasswordIdentityProvider.hashed_password={PASSWORD_HASH}"])
    context, watch = open_context(server)
    watch.tolerate(REFUSED)
    page = context.new_page()
    page.goto(server.url + "login?next=%2Fapi%2Fme")
    log_in(page, "wrong")
    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    log_in(page, PASSWORD)
    expect(page).to_have_url(re.compile(r"/api/me$"))


def test_logging_out_ends_the_login(front_end, start_server, open_context):
    server = start_server()
    context, watch = open_context(server)
    # The page behind goes on asking until it is gone.
    watch.tolerate(r"^403 GET /")
    page = context.new_page()
    page.goto(server.path(front_end.start))
    front_end.expect_start_page(page)
    front_end.log_out(page)
    expect(page.get_by_text("Successfully logged out")).to_be_visible()
    page.goto(server.url + front_end.start)
    expect(page).to_have_url(re.compile(r"/login\?next="))


@pytest.mark.parametrize("address", ["//example.com/", "https:///example.com/", "\\\\example.com"])
def test_a_login_never_leads_to_another_site(address, start_server, open_context):
    server = start_server()
    context, _ = open_context(server)
    page = context.new_page()
    page.goto(server.url + "login")
    page.goto(server.url + "login?" + f"next={address}")
    log_in(page, servers.TOKEN)
    expect(page).not_to_have_url(re.compile("/login"))
    assert page.url.startswith(server.url), page.url
