#!/usr/bin/perl
# Add the console command `greet NAME`, with its help and completion.

use strict;
use warnings;

$| = 1;

my $USAGE = "  greet {name|everybody}\r\n";

sub unescape {
    my ($field) = @_;
    $field =~ s/%(.)/$1 eq '%' ? '%' : chr(ord($1) - 64)/ges;
    return $field;
}

sub escape {
    my ($text) = @_;
    $text =~ s/([\x00-\x1f:%])/$1 eq '%' ? '%%' : '%' . chr(ord($1) + 64)/ge;
    return $text;
}

# Each handler gets the return value and the parameters of the message. It returns whether it
# handled the message, and the new return value.

sub command {
    my ($retvalue, $params) = @_;
    return complete($retvalue, $params) if exists $params->{partial};
    my $line = $params->{line} // '';
    return (0, $retvalue) unless $line =~ /^greet(?: +(.+))?$/;
    return (1, 'Hello, ' . ($1 // 'whoever you are') . "!\r\n");
}

sub complete {
    my ($retvalue, $params) = @_;
    my %words = ('' => 'greet', help => 'greet', greet => 'everybody');
    my $word = $words{ $params->{partline} // '' };
    my $typed = $params->{partword} // '';
    return (0, $retvalue) unless defined $word && index($word, $typed) == 0;
    return (0, length $retvalue ? "$retvalue\t$word" : $word);
}

sub help {
    my ($retvalue, $params) = @_;
    my $topic = $params->{line} // '';
    return (0, $retvalue . $USAGE) if $topic eq '';
    return (0, $retvalue) if $topic ne 'greet';
    return (1, "${USAGE}Says hello to somebody, or to everybody\r\n");
}

my %HANDLERS = ('engine.command' => \&command, 'engine.help' => \&help);

print "%%>install:90:$_\n" for sort keys %HANDLERS;
while (my $line = <STDIN>) {
    chomp $line;
    print STDERR "$line\n" if $line =~ /^Error in:/;
    next unless $line =~ s/^%%>message://;
    my ($id, undef, $name, $retvalue, @fields) = split /:/, $line, -1;
    my %params = map { /^(.*?)=(.*)$/s ? (unescape($1), unescape($2)) : () } @fields;
    my ($handled, $new) = $HANDLERS{$name}->(unescape($retvalue), \%params);
    printf "%%%%<message:%s:%s::%s\n", $id, $handled ? 'true' : 'false', escape($new);
}
