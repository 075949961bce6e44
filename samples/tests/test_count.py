"""sh: a script that counts seconds, which go by when the test says so."""


def counted(yext):
    return [line for line in yext.log if "have gone by" in line]


def test_each_third_second_is_reported(yext):
    yext.script("count.sh", "3")
    yext.tick(2)
    assert counted(yext) == []
    yext.tick(4)
    assert counted(yext) == [f"count.sh: {n} seconds have gone by" for n in (3, 6)]


def test_what_is_no_number_is_refused(yext):
    script = yext.start("count.sh", "often")
    assert script.wait_end() == "exit status 2"
    assert script.stderr == "count.sh: often is not a number of seconds\n"
