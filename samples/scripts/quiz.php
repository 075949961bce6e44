#!/usr/bin/php
<?php
// A quiz: a dial tone asks for a digit. The digit in the parameter (5 by default) is right and
// gets a steady tone, any other gets a busy tone; # hangs up.
// Try it with: call external/nodata/quiz.php phone/

$right = ($argv[1] ?? '') === '' ? '5' : $argv[1];
$own = 'quiz/' . getmypid();

function unescape(string $field): string
{
    return preg_replace_callback(
        '/%(.)/s',
        fn (array $found) => $found[1] === '%' ? '%' : chr(ord($found[1]) - 64),
        $field
    );
}

function escape(string $text): string
{
    return preg_replace_callback(
        '/[\x00-\x1f:%]/',
        fn (array $found) => $found[0] === '%' ? '%%' : '%' . chr(ord($found[0]) + 64),
        $text
    );
}

function send(string $name, array $params): void
{
    $line = "%%>message::0:$name:";
    foreach ($params as $key => $value) {
        $line .= ":$key=" . escape($value);
    }
    echo "$line\n";
}

function began(string $caller): void
{
    global $own;
    echo "%%>setlocal:id:$own\n%%>install:100:chan.dtmf:targetid:$own\n";
    send('call.answered', ['id' => $own, 'targetid' => $caller, 'cdrcreate' => 'false']);
    send('chan.attach', ['source' => 'tone/dial']);
}

function dialled(string $digit): void
{
    global $right;
    if ($digit === '#') {
        echo "%%>setlocal:reason:goodbye\n%%>quit\n";
        return;
    }
    send('chan.attach', ['source' => $digit === $right ? 'tone/milliwatt' : 'tone/busy']);
}

while (($line = fgets(STDIN)) !== false) {
    $fields = explode(':', rtrim($line, "\n"));
    if ($fields[0] !== '%%>message') {
        continue;
    }
    $params = [];
    foreach (array_slice($fields, 5) as $field) {
        [$key, $value] = explode('=', $field, 2) + ['', ''];
        $params[unescape($key)] = unescape($value);
    }
    $target = $fields[3] === 'call.execute' ? ":targetid=$own" : '';
    echo "%%<message:{$fields[1]}:true::$target\n";
    if ($fields[3] === 'call.execute') {
        began($params['id'] ?? '');
    } else {
        array_map('dialled', str_split($params['text'] ?? ''));
    }
}
