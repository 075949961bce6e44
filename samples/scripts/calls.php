#!/usr/bin/php
<?php
// Watch call.route, and log the caller, the called number and the target of each call.

function unescape(string $field): string
{
    return preg_replace_callback(
        '/%(.)/s',
        fn (array $found) => $found[1] === '%' ? '%' : chr(ord($found[1]) - 64),
        $field
    );
}

// %%>output is not escaped, so it must not contain a line end.
function printable(string $text): string
{
    return preg_replace('/[\x00-\x1f\x7f]/', '?', $text);
}

function report(string $line): string
{
    [, , $handled, , $target, $fields] = explode(':', $line, 6) + array_fill(0, 6, '');
    $params = ['caller' => 'somebody', 'called' => 'nobody'];
    foreach (explode(':', $fields) as $field) {
        [$key, $value] = explode('=', $field, 2) + ['', ''];
        $params[unescape($key)] = unescape($value);
    }
    $end = $handled === 'true' ? 'goes to ' . unescape($target) : 'goes nowhere';
    return "calls.php: {$params['caller']} calls {$params['called']}, $end";
}

echo "%%>watch:call.route\n";
while (($line = fgets(STDIN)) !== false) {
    $line = rtrim($line, "\n");
    if (str_starts_with($line, '%%<message::')) {
        echo '%%>output:' . printable(report($line)) . "\n";
    } elseif (str_starts_with($line, 'Error in:')) {
        fwrite(STDERR, "$line\n");
    }
}
