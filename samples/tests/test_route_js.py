"""JavaScript: a router that asks the database, of which the test plays the part."""

TARGET = "sip/alice@10.0.0.9"


def test_did(yext):
    db = yext.stub("database", retvalue=TARGET)
    yext.script("route.js")
    yext.send("call.route", called="4711").assert_handled(by="route.js", retvalue=TARGET)
    db.assert_once(account="pbx", query="SELECT target FROM numbers WHERE number = '4711'")


def test_a_number_that_is_not_in_the_database(yext):
    yext.stub("database")
    yext.script("route.js")
    yext.send("call.route", called="4711").assert_not_handled()


def test_two_calls_at_once_get_their_own_targets(yext):
    yext.stub("database", function=lambda query: f"sip/{query['query'].split(chr(39))[1]}")
    yext.script("route.js")
    first = yext.send_nowait("call.route", called="1")
    second = yext.send_nowait("call.route", called="2")
    assert [answer.retvalue for answer in yext.gather(first, second)] == ["sip/1", "sip/2"]
